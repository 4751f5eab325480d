package fabric

import (
	"strings"
	"sync"

	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// Identity is what the last goal state said of this VM's place on the fabric. Any answer to a goal-state request
// renews it, whatever its incarnation: a VM that is moved to another host keeps its goal state. It is shared by the
// clients and safe for concurrent use.
type Identity struct {
	mu   sync.Mutex
	have Place
}

// Place names this VM on the fabric. The zero value is not known yet.
type Place struct {
	Incarnation    string
	ContainerID    string
	RoleInstanceID string
	ConfigName     string // x-ms-host-config-name
}

// DeploymentID is the part of the configuration's name that names the deployment.
func (p Place) DeploymentID() string {
	id, _, _ := strings.Cut(p.ConfigName, ".")
	return id
}

// Place is the last one learned.
func (i *Identity) Place() Place {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.have
}

func (i *Identity) learn(gs wireserver.GoalState) {
	p := Place{Incarnation: gs.Incarnation, ContainerID: gs.Container.ContainerID}
	if len(gs.Container.RoleInstances) > 0 {
		p.RoleInstanceID = gs.Container.RoleInstances[0].InstanceID
		p.ConfigName = gs.Container.RoleInstances[0].Configuration.ConfigName
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.have = p
}

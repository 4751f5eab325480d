package telemetry

import (
	"encoding/json"
	"strings"
	"sync"

	"github.com/waagent-go/waagent/agent/protocol/imds"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// Common is what every event says about this VM. What the fabric tells late is marked so until then. It is safe for
// concurrent use.
type Common struct {
	Version    string // of the agent
	OSVersion  string // Linux:<distro>-<version>-<codename>:<kernel>
	RAM        int64  // MB
	Processors int
	CPU        string // architecture as uname spells it
	// Container is the container's id as last heard.
	Container func() string

	mu           sync.Mutex
	tenant       string
	role         string
	roleInstance string
	compute      *imds.Compute
	confidential bool
}

// LearnHosting takes the names of the deployment.
func (c *Common) LearnHosting(h wireserver.HostingEnvironment, roleInstance string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tenant, c.role, c.roleInstance = h.Deployment.Name, h.Role.Name, roleInstance
}

// LearnCompute takes what the instance metadata service says.
func (c *Common) LearnCompute(m imds.Compute) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.compute = &m
}

// LearnConfidential notes whether this is a confidential VM.
func (c *Common) LearnConfidential(is bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.confidential = is
}

func (c *Common) containerID() string {
	if c.Container != nil {
		if id := c.Container(); id != "" {
			return id
		}
	}
	return wireserver.NullGUID
}

// origin is what is said of a record before its place: who, when, in which process.
func (c *Common) origin(when string, tid, pid, task any) []Param {
	return []Param{
		{"GAVersion", "WALinuxAgent-" + c.Version}, {"ContainerId", c.containerID()}, {"OpcodeName", when},
		{"EventTid", tid}, {"EventPid", pid}, {"TaskName", task},
	}
}

// place is what is said of the VM, in the order of the wire.
func (c *Common) place() []Param {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := imds.Compute{
		Location: unknown("Location"), SubscriptionID: unknown("SubscriptionId"),
		ResourceGroupName: unknown("ResourceGroupName"), VMID: unknown("VMId"),
	}
	origin := int64(0)
	if c.compute != nil {
		m, origin = *c.compute, imageOrigin(*c.compute)
	}
	return []Param{
		{"OSVersion", c.OSVersion}, {"ExecutionMode", "IAAS"}, {"RAM", c.RAM}, {"Processors", int64(c.Processors)},
		{"KeywordName", c.keyword()},
		{"TenantName", or(c.tenant, unknown("TenantName"))}, {"RoleName", or(c.role, unknown("RoleName"))},
		{"RoleInstanceName", or(c.roleInstance, unknown("RoleInstanceName"))},
		{"Location", m.Location}, {"SubscriptionId", m.SubscriptionID}, {"ResourceGroupName", m.ResourceGroupName},
		{"VMId", m.VMID}, {"ImageOrigin", origin},
	}
}

func (c *Common) keyword() string {
	word := struct {
		CPU   string `json:"CpuArchitecture"`
		IsCVM bool   `json:"IsCVM,omitempty"`
	}{c.CPU, c.confidential}
	text, err := json.Marshal(word)
	if err != nil {
		return "{}"
	}
	return string(text)
}

func unknown(field string) string { return field + "_UNINITIALIZED" }

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// Origins of the image a VM was made from.
const (
	originCustom   = 1
	originEndorsed = 2
	originPlatform = 3
)

// endorsed are the publishers, with offers where not all count, whose images the platform endorses.
var endorsed = map[string][]string{
	"CANONICAL": {"UBUNTUSERVER", "0001-COM-UBUNTU-"}, "COREOS": {"COREOS"}, "CREDATIV": {"DEBIAN"}, "DEBIAN": {"DEBIAN"},
	"KINVOLK": {"FLATCAR"}, "OPENLOGIC": {"CENTOS"}, "ORACLE": {"ORACLE-LINUX"}, "REDHAT": {"RHEL"}, "SUSE": {"SLES", "OPENSUSE"},
	"MICROSOFTCBLMARINER": {"CBL-MARINER", "AZURE-LINUX"}, "ALMALINUX": {"ALMALINUX"},
}

func imageOrigin(m imds.Compute) int64 {
	if m.Publisher == "" || m.Offer == "" || m.SKU == "" {
		return originCustom
	}
	for _, offer := range endorsed[strings.ToUpper(m.Publisher)] {
		if strings.HasPrefix(strings.ToUpper(m.Offer), offer) {
			return originEndorsed
		}
	}
	return originPlatform
}

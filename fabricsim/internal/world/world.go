// Package world is the state of a simulated fabric: which VMs there are, what is wanted of them and what they said.
// All of it is guarded by one mutex; what leaves it is a copy, or never changes again. It serves nothing.
package world

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/waagent-go/waagent/fabricsim/control"
	"github.com/waagent-go/waagent/fabricsim/goal"
	"github.com/waagent-go/waagent/fabricsim/internal/blobs"
	"github.com/waagent-go/waagent/fabricsim/internal/documents"
	"github.com/waagent-go/waagent/fabricsim/internal/tenant"
)

// ErrNoVM is for a VM that nobody added.
var ErrNoVM = errors.New("there is no such VM")

// World is all VMs of one fabric.
type World struct {
	Blobs      *blobs.Store
	NewKey     tenant.KeyMaker
	KeepEvents int // telemetry events kept per VM

	mu        sync.Mutex
	vms       map[string]*vm
	addresses map[string]string            // source address → VM id
	shared    map[string]map[string]string // handler → version → blob path, for all VMs
	cut       map[string]bool              // surfaces that answer nobody
	statusOf  map[string]string            // path of a status blob → VM id
}

// vm is one virtual machine. Whatever is a pointer or a slice of documents is replaced, never changed.
type vm struct {
	spec    goal.VM
	tenancy *tenancy
	former  []identity // earlier container ids and config names: stale, not wrong

	incarnation  int
	svd          int
	etag         int64
	lastTicks    int64
	fabric       *Documents
	earlier      *Documents // what fabric was before
	settings     *Settings
	was          *Settings
	reprovision  string
	packages     map[string]map[string]string // handler → version → blob path
	statusPath   string
	seen         control.VM
	events       []control.Event
	lastEvent    int64
	eventsChange int // how often the scheduled events changed
	logs         []byte
	changed      chan struct{}
	fastTracking bool
}

type identity struct{ container, config string }

// Documents is a Fabric goal state as it is served.
type Documents struct {
	Goal             documents.Goal
	ExtensionsConfig string
}

// Settings is vmSettings as it is served.
type Settings struct {
	Goal   documents.Goal
	Source string
	ETag   string
	JSON   string
}

// View is what surfaces need to know to answer for a VM.
type View struct {
	Spec        goal.VM
	Identity    documents.Identity
	Incarnation int
	Fabric      *Documents
	Earlier     *Documents // nil while there is none
	Settings    *Settings
	Was         *Settings // nil while there is none
	Reprovision string    // "" until the VM is reused
}

// New makes an empty world.
func New() *World {
	return &World{
		NewKey: tenant.RSA, KeepEvents: 1000,
		vms: map[string]*vm{}, addresses: map[string]string{}, shared: map[string]map[string]string{}, cut: map[string]bool{}, statusOf: map[string]string{},
	}
}

// AddVM adds a virtual machine with its initial goal state.
func (w *World) AddVM(spec goal.VM) error {
	if err := spec.Check(); err != nil {
		return err
	}
	w.mu.Lock()
	if err := w.register(spec); err != nil {
		w.mu.Unlock()
		return err
	}
	w.mu.Unlock()
	if spec.Initial.Channel == goal.FastTrack { // there is a Fabric goal state below every Fast Track one
		if err := w.SetGoalState(spec.ID, goal.State{}); err != nil {
			return errors.Join(err, w.RemoveVM(spec.ID))
		}
	}
	if err := w.SetGoalState(spec.ID, *spec.Initial); err != nil {
		return errors.Join(err, w.RemoveVM(spec.ID))
	}
	return nil
}

func (w *World) register(spec goal.VM) error {
	if w.vms[spec.ID] != nil {
		return fmt.Errorf("VM %s is there already", spec.ID)
	}
	for _, a := range spec.Addresses {
		if other := w.addresses[a]; other != "" {
			return fmt.Errorf("address %s belongs to VM %s", a, other)
		}
	}
	for _, a := range spec.Addresses {
		w.addresses[a] = spec.ID
	}
	w.vms[spec.ID] = &vm{
		spec: spec, tenancy: &tenancy{}, changed: make(chan struct{}), etag: time.Now().UnixNano() / 1000,
		packages: map[string]map[string]string{},
		seen:     control.VM{Properties: map[string]string{}},
	}
	return nil
}

// RemoveVM forgets a virtual machine.
func (w *World) RemoveVM(id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.vms[id]
	if v == nil {
		return ErrNoVM
	}
	for _, a := range v.spec.Addresses {
		delete(w.addresses, a)
	}
	delete(w.statusOf, v.statusPath)
	close(v.changed)
	delete(w.vms, id)
	return nil
}

// VMOf says which VM has an address, "" if none.
func (w *World) VMOf(address string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.addresses[address]
}

// SetAddresses replaces a VM's source addresses.
func (w *World) SetAddresses(id string, addresses []string) error {
	return w.update(id, func(v *vm) error { return w.moveAddresses(v, slices.Clone(addresses)) })
}

func (w *World) moveAddresses(v *vm, addresses []string) error {
	for _, a := range addresses {
		if other := w.addresses[a]; other != "" && other != v.spec.ID {
			return fmt.Errorf("address %s belongs to VM %s", a, other)
		}
	}
	for _, a := range v.spec.Addresses {
		delete(w.addresses, a)
	}
	v.spec.Addresses = addresses
	for _, a := range addresses {
		w.addresses[a] = v.spec.ID
	}
	return nil
}

// IDs lists the VMs.
func (w *World) IDs() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.vms))
}

// View is what is served to a VM now.
func (w *World) View(id string) (View, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.vms[id]
	if v == nil {
		return View{}, false
	}
	return View{
		Spec: v.spec, Identity: v.identity(), Incarnation: v.incarnation,
		Fabric: v.fabric, Earlier: v.earlier, Settings: v.settings, Was: v.was, Reprovision: v.reprovision,
	}, v.fabric != nil
}

func (v *vm) identity() documents.Identity {
	return documents.Identity{
		Name: v.spec.Name, ContainerID: v.spec.ContainerID, RoleInstance: v.spec.RoleInstance, ConfigName: v.spec.ConfigName,
	}
}

// Former reports whether the VM once had this container id or config name: then a request with it is late, not wrong.
func (w *World) Former(id, container, config string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.vms[id]
	return v != nil && slices.ContainsFunc(v.former, func(f identity) bool {
		return (container == "" || f.container == container || v.spec.ContainerID == container) &&
			(config == "" || f.config == config || v.spec.ConfigName == config)
	})
}

// CutOff makes a surface (wireserver, hostga, imds, blobs) answer nobody, or everybody again.
func (w *World) CutOff(surface string, cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut[surface] = cut
}

// IsCutOff reports whether a surface answers nobody.
func (w *World) IsCutOff(surface string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cut[surface]
}

// update changes a VM and wakes those who wait for that.
func (w *World) update(id string, f func(*vm) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.vms[id]
	if v == nil {
		return ErrNoVM
	}
	if err := f(v); err != nil {
		return err
	}
	v.seen.Revision++
	close(v.changed)
	v.changed = make(chan struct{})
	return nil
}

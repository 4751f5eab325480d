package fabricsim

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"

	"github.com/waagent-go/waagent/fabricsim/control"
	"github.com/waagent-go/waagent/fabricsim/fault"
	"github.com/waagent-go/waagent/fabricsim/goal"
	"github.com/waagent-go/waagent/fabricsim/internal/world"
	"github.com/waagent-go/waagent/fabricsim/journal"
)

// AddVM adds a virtual machine with its initial goal state.
func (f *Fabric) AddVM(vm goal.VM) error {
	if err := f.world.AddVM(vm); err != nil {
		return err
	}
	f.register(vm.ID, vm.Addresses)
	return nil
}

// register tells DNS the name of a VM, at its first address.
func (f *Fabric) register(id string, addresses []string) {
	v, ok := f.world.View(id)
	if f.options.DNS == nil || !ok || len(addresses) == 0 {
		return
	}
	if addr, err := netip.ParseAddr(addresses[0]); err == nil {
		f.options.DNS.Register(v.Spec.Name, addr)
	}
}

// UpdateVM changes members of a VM's spec: a JSON object of those that are different. What documents were made from
// shows in the next goal state; instance metadata shows it at once.
func (f *Fabric) UpdateVM(id string, changes []byte) error {
	if err := f.world.UpdateVM(id, changes); err != nil {
		return notFound(err)
	}
	if v, ok := f.world.View(id); ok {
		f.register(id, v.Spec.Addresses)
	}
	return nil
}

// RemoveVM forgets a virtual machine.
func (f *Fabric) RemoveVM(id string) error { return notFound(f.world.RemoveVM(id)) }

// VMs lists the ids of all virtual machines.
func (f *Fabric) VMs() []string { return f.world.IDs() }

// WaitVM returns the VM once its revision is above after, or as it is when ctx is done.
func (f *Fabric) WaitVM(ctx context.Context, id string, after int64) (control.VM, error) {
	vm, err := f.world.Wait(ctx, id, after)
	return vm, notFound(err)
}

// SetGoalState makes s what is wanted of a VM.
func (f *Fabric) SetGoalState(id string, s goal.State) error {
	return notFound(f.world.SetGoalState(id, s))
}

// SetAddresses says from which addresses a VM's requests come.
func (f *Fabric) SetAddresses(id string, addresses []string) error {
	if err := f.world.SetAddresses(id, addresses); err != nil {
		return notFound(err)
	}
	f.register(id, addresses)
	return nil
}

// Redeploy changes a VM's container id and config name, as service healing does; the incarnation stays.
func (f *Fabric) Redeploy(id string) error { return notFound(f.world.Redeploy(id)) }

// Reuse gives a pre-provisioned VM its owner's OVF document.
func (f *Fabric) Reuse(id, ovf string) error { return notFound(f.world.Reuse(id, ovf, nil)) }

// RotateCertificates gives a VM a new tenant certificate.
func (f *Fabric) RotateCertificates(id string) error { return notFound(f.world.RotateCertificates(id)) }

// Events are a VM's telemetry events from number from on.
func (f *Fabric) Events(id string, from int64) ([]control.Event, error) {
	list, err := f.world.Events(id, from)
	return list, notFound(err)
}

// Logs is the archive a VM uploaded last.
func (f *Fabric) Logs(id string) ([]byte, error) {
	data, err := f.world.Logs(id)
	return data, notFound(err)
}

// PutPackage keeps an extension's package for all VMs.
func (f *Fabric) PutPackage(name, version string, archive []byte) error {
	return f.world.PutPackage(name, version, archive)
}

// ListBlobs lists what is in storage.
func (f *Fabric) ListBlobs() []control.BlobInfo {
	list := []control.BlobInfo{}
	for _, b := range f.world.Blobs.List() {
		list = append(list, control.BlobInfo{
			Account: b.Account, Path: b.Path, Kind: string(b.Kind), Size: len(b.Data), Modified: b.Modified,
			URL: f.world.Blobs.URL(b.Account, b.Path),
		})
	}
	return list
}

// ReadBlob reads a blob, whatever its permissions.
func (f *Fabric) ReadBlob(account, path string) ([]byte, error) {
	b, ok := f.world.Blobs.Get(account, path)
	if !ok {
		return nil, fmt.Errorf("blob %s/%s: %w", account, path, fs.ErrNotExist)
	}
	return b.Data, nil
}

// AddFaults appends steps to the playbook.
func (f *Fabric) AddFaults(steps ...fault.Step) error { return f.playbook.Add(steps...) }

// ClearFaults forgets the playbook.
func (f *Fabric) ClearFaults() { f.playbook.Clear() }

// Faults tells how far the playbook is.
func (f *Fabric) Faults() []fault.State { return f.playbook.List() }

// CutOff makes a surface answer nobody, or everybody again.
func (f *Fabric) CutOff(surface string, cut bool) error {
	if names := []string{"wireserver", "hostga", "imds", "blobs"}; !slices.Contains(names, surface) {
		return fmt.Errorf("surface %q is none of %v", surface, names)
	}
	f.world.CutOff(surface, cut)
	return nil
}

// Entries returns journal entries from number n on, at least one unless ctx is done first.
func (f *Fabric) Entries(ctx context.Context, n int64, limit int) []journal.Entry {
	return f.journal.Wait(ctx, n, limit)
}

// Info is what the fabric says of itself.
func (f *Fabric) Info() control.Info {
	return control.Info{
		CA: string(f.CA()), LastEntry: f.journal.Last(), ClientErrors: f.journal.ClientErrors(), BlobURL: f.options.BlobURL,
	}
}

// DialGuest connects to a guest's port from the fabric's side of its network.
func (f *Fabric) DialGuest(ctx context.Context, addr string) (net.Conn, error) {
	return f.options.Dial(ctx, "tcp", addr)
}

// notFound lets a VM that is not there be told from other errors without knowing this package's inside.
func notFound(err error) error {
	if errors.Is(err, world.ErrNoVM) {
		return fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	}
	return err
}

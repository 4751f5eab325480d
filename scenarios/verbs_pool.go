package scenarios

import (
	"context"
	"fmt"
	"net"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/waagent-go/waagent/fabricsim/goal"
	"github.com/waagent-go/waagent/ovfgen"
	"github.com/waagent-go/waagent/scenarios/machine"
	"github.com/waagent-go/waagent/scenarios/machine/qemu"
)

// linkVerb pulls the cable of the guest's first NIC, or plugs it in.
func linkVerb(ctx context.Context, w *world, _ *testscript.TestScript, args []string) (*machine.Result, error) {
	if len(args) != 1 || args[0] != "up" && args[0] != "down" {
		return nil, fmt.Errorf("usage: link up|down")
	}
	if err := w.booted(); err != nil {
		return nil, err
	}
	cable, ok := w.machine.(interface {
		SetLink(ctx context.Context, nic int, up bool) error
	})
	if !ok {
		return nil, fmt.Errorf("link: %w", machine.ErrUnsupported)
	}
	return nil, cable.SetLink(ctx, 0, args[0] == "up")
}

// newNICVerb takes a pooled guest's NIC away and gives it its owner's, with another address, in guest and fabric alike.
func newNICVerb(ctx context.Context, w *world, _ *testscript.TestScript, args []string) (*machine.Result, error) {
	if len(args) != 0 {
		return nil, fmt.Errorf("usage: new-nic")
	}
	if err := w.booted(); err != nil {
		return nil, err
	}
	guest, ok := w.machine.(*qemu.Guest)
	if !ok {
		return nil, fmt.Errorf("new-nic: %w", machine.ErrUnsupported)
	}
	if err := guest.RemoveNIC(ctx, 0); err != nil {
		return nil, err
	}
	w.guest.Address, w.guest.MAC = w.site.Address(), goal.MAC(w.vmID()+"/owner")
	mac, err := net.ParseMAC(w.guest.MAC)
	if err != nil {
		return nil, err
	}
	addresses := []string{w.guest.Address.String()}
	if _, err := w.fabric.UpdateVM(ctx, w.id, map[string]any{
		"addresses": addresses, "nics": []goal.NIC{{MAC: w.guest.MAC, Addresses: addresses}},
	}); err != nil {
		return nil, err
	}
	_, err = guest.AddNIC(ctx, mac, w.guest.Address)
	return nil, err
}

// assignVerb gives a VM of a pool to the owner whose spec is in a file.
func assignVerb(ctx context.Context, w *world, _ *testscript.TestScript, args []string) (*machine.Result, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("usage: assign spec.yaml")
	}
	if err := w.booted(); err != nil {
		return nil, err
	}
	if err := w.readSpec(args[0]); err != nil {
		return nil, err
	}
	document, err := ovfgen.Document(w.spec)
	if err != nil {
		return nil, err
	}
	if _, err := w.fabric.UpdateVM(ctx, w.id, map[string]any{"name": w.spec.Hostname, "admin_user": w.spec.User}); err != nil {
		return nil, err
	}
	return nil, w.fabric.Reuse(ctx, w.id, document)
}

// Package hostname makes the machine's name known to the fabric's DNS, which learns it from the DHCP client, and
// follows changes of the name that somebody makes in the guest. The link stays up where the network stack allows it.
package hostname

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"time"

	"github.com/waagent-go/waagent/agent/internal/distro"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/machine"
)

// recordName is the file in the agent's folder that holds the name last published. Other software reads it.
const recordName = "published_hostname"

// Machine is what publishing asks of the machine.
type Machine interface {
	Run(ctx context.Context, c machine.Command) (machine.Result, error)
	Has(program string) bool
}

// Publisher publishes host names.
type Publisher struct {
	Files   host.Files
	Machine Machine
	Family  distro.Family // decides only on systems without a Linux network stack
	LibDir  string
	Log     *slog.Logger
	// Announce tells the DHCP server the name by renewing the lease that the interface has: Announce of this package.
	Announce func(ctx context.Context, iface, name string) error
	// HasAddress reports whether an interface is up and has an address: HasAddress of this package.
	HasAddress func(iface string) bool
}

// Publish makes name known. The name is set already; see distro.Family.SetHostname.
func (p *Publisher) Publish(ctx context.Context, name string) error {
	began := time.Now()
	iface, err := p.Files.PrimaryInterface()
	if err != nil {
		return errors.Join(fmt.Errorf("publish %s: %w", name, err), p.record(name))
	}
	s := p.inCharge(iface)
	changed, err := p.configure(iface, name, s)
	if err != nil {
		return fmt.Errorf("publish %s: %w", name, err)
	}
	if err := p.record(name); err != nil {
		return fmt.Errorf("publish %s: %w", name, err)
	}
	if s == nobody {
		p.Log.Info("No DHCP client looks after the network, so the host name is announced to nobody", "interface", iface)
		return nil
	}
	if err := p.renew(ctx, s, iface, name, changed); err != nil {
		return fmt.Errorf("publish %s by %s: %w", name, s, err)
	}
	p.Log.Info("Published the host name", "hostname", name, "interface", iface, "by", string(s), "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// Configure writes name where DHCP clients take it from, and leaves the network alone; deprovisioning does that.
func (p *Publisher) Configure(name string) error {
	iface, err := p.Files.PrimaryInterface()
	if err != nil {
		return nil // no interface, nothing that would send a name
	}
	_, err = p.configure(iface, name, p.inCharge(iface))
	return err
}

func (p *Publisher) record(name string) error {
	if err := p.Files.MkdirAll(p.LibDir, 0o700); err != nil {
		return err
	}
	return p.Files.WriteAtomic(path.Join(p.LibDir, recordName), []byte(name), 0o644)
}

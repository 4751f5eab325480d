// Package firewall lets only root speak to the fabric: WireServer hands out secrets, and an ordinary process must not
// get them. DNS on the fabric's address stays open to all. The rules are the original's, kept by iptables where there
// is iptables and by nftables otherwise; on machines with firewalld they are made to last by firewalld.
//
// Whether anything changed is asked of the kernel; a program is run only when something did.
package firewall

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os/exec"
	"sync"
	"time"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/repeat"
	"github.com/waagent-go/waagent/agent/machine"
)

// Machine is what the firewall asks of the machine.
type Machine interface {
	Run(ctx context.Context, c machine.Command) (machine.Result, error)
	Has(program string) bool
}

// Firewall is the rules, and the duty that keeps them.
type Firewall struct {
	Machine  Machine
	Files    host.Files
	Endpoint netip.Addr // the fabric's
	UID      int        // of the agent
	Period   time.Duration
	Events   event.Sink
	Log      *slog.Logger
	// Persist says where a unit is written that makes the rules early in the next boot.
	Persist Persistence

	mu      sync.Mutex
	b       backend
	known   string // what the kernel's rules looked like when they were last found right
	reports int
	silence time.Time
}

// state is what was found in the kernel.
type state int

const (
	none state = iota
	partial
	repeated // complete, but with copies
	complete
)

// backend is a way to keep the rules.
type backend interface {
	name() string
	check(ctx context.Context) (state, error)
	add(ctx context.Context) error
	remove(ctx context.Context) error
	// removeCopies leaves one of each rule of those that are repeated.
	removeCopies(ctx context.Context) error
	// print is a value that differs whenever the rules do, asked of the kernel without any program; "" when the
	// kernel cannot be asked.
	print() string
}

// Name is the duty's.
func (f *Firewall) Name() string { return "Firewall" }

// Run makes the rules, makes them last, and repairs them until ctx is done. A change of any rules of the kernel's wakes it.
func (f *Firewall) Run(ctx context.Context) error {
	if err := f.Setup(ctx); err != nil && ctx.Err() == nil {
		f.Log.Warn("Cannot set up the firewall", "error", err.Error())
		f.report(ctx, false, err.Error())
	}
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { // the service manager may take its time, and the rules are to be watched from now on
		if err := f.MakeLast(ctx); err != nil && ctx.Err() == nil {
			f.Log.Warn("The firewall rules will be missing early in the next boot", "error", err.Error())
			f.Events.Add(event.Event{Operation: "PersistFirewallRules", Message: err.Error()})
		}
	})
	wake := make(chan struct{}, 1)
	beside.Go(func() { watch(ctx, wake) })
	repeat.Every(ctx, f.Period, wake, f.Log, "Cannot check the firewall", f.Check)
	return nil
}

// Setup makes the rules that are missing.
func (f *Firewall) Setup(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, err := f.backend(ctx)
	if err != nil {
		return err
	}
	if ipt, ok := b.(*iptables); ok {
		ipt.removeLegacy(ctx)
	}
	found, err := b.check(ctx)
	if err != nil {
		return fmt.Errorf("check the firewall: %w", err)
	}
	if found == complete {
		f.known = b.print()
		f.Log.Info("The firewall rules are in place", "by", b.name())
		return nil
	}
	return f.make(ctx, b, found)
}

// attempts are for somebody else, firewalld for one, who changes the same chain at the same moment.
const attempts = 3

func (f *Firewall) make(ctx context.Context, b backend, found state) error {
	for range attempts {
		if err := change(ctx, b, found); err != nil {
			return err
		}
		var err error
		if found, err = b.check(ctx); err != nil {
			return fmt.Errorf("check the firewall: %w", err)
		}
		if found == complete {
			f.known = b.print()
			f.Log.Info("Made the firewall rules", "endpoint", f.Endpoint, "by", b.name())
			return nil
		}
	}
	return errors.New("the firewall rules were added, but are not there")
}

// change does what is missing to what was found.
func change(ctx context.Context, b backend, found state) error {
	if found == repeated {
		if err := b.removeCopies(ctx); err != nil {
			return fmt.Errorf("remove copies of firewall rules: %w", err)
		}
		return nil
	}
	if found == partial {
		if err := b.remove(ctx); err != nil {
			return fmt.Errorf("remove firewall rules: %w", err)
		}
	}
	if err := b.add(ctx); err != nil {
		return fmt.Errorf("add firewall rules: %w", err)
	}
	return nil
}

// Check repairs the rules if the kernel's are not what they were.
func (f *Firewall) Check(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, err := f.backend(ctx)
	if err != nil {
		return err
	}
	now := b.print()
	if now != "" && now == f.known {
		return nil
	}
	found, err := b.check(ctx)
	if errors.Is(err, exec.ErrNotFound) { // the program was removed: another way may be open
		f.b = nil
		if b, err = f.backend(ctx); err == nil {
			found, err = b.check(ctx)
		}
	}
	if err != nil {
		return err
	}
	if found == complete {
		f.known = now
		return nil
	}
	err = f.make(ctx, b, found)
	message := "the firewall rules were gone and were made again"
	switch found {
	case partial:
		message = "some of the firewall rules were gone, all were made again"
	case repeated:
		message = "the firewall rules were there more than once"
	}
	if err != nil {
		message = err.Error()
	} else {
		f.Log.Info("Repaired the firewall", "because", message)
	}
	f.report(ctx, err == nil, message)
	return err
}

// Remove takes the rules away, and what makes them again at boot.
func (f *Firewall) Remove(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, err := f.backend(ctx)
	if err == nil {
		err = b.remove(ctx)
	}
	f.known = ""
	return errors.Join(err, f.forget(ctx))
}

const (
	reportsAtOnce = 3
	reportsQuiet  = 12 * time.Hour
)

// report sends an event, but not more than a few in a row: a machine where something fights the rules would flood
// the fabric.
func (f *Firewall) report(ctx context.Context, ok bool, message string) {
	if ctx.Err() != nil || time.Now().Before(f.silence) {
		return
	}
	f.Events.Add(event.Event{Operation: "Firewall", Success: ok, Message: message})
	if f.reports++; f.reports >= reportsAtOnce {
		f.reports, f.silence = 0, time.Now().Add(reportsQuiet)
	}
}

// backend chooses once; a tool that was missing may be there at the next turn.
func (f *Firewall) backend(ctx context.Context) (backend, error) {
	if f.b != nil {
		return f.b, nil
	}
	if !f.Endpoint.Is4() {
		return nil, fmt.Errorf("%s is no IPv4 address", f.Endpoint)
	}
	ipt, err := newIptables(ctx, f)
	if err == nil {
		f.b = ipt
		return ipt, nil
	}
	nft := newNftables(f.Endpoint, f.UID)
	if nft == nil || !nft.usable() {
		return nil, fmt.Errorf("neither iptables nor nftables can be used: %w", err)
	}
	if !errors.Is(err, exec.ErrNotFound) {
		f.Log.Info("iptables does not work here, nftables is used", "error", err.Error())
	}
	f.b = nft
	return nft, nil
}

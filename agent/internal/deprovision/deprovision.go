// Package deprovision takes from a machine what makes it this one VM, so that an image of it can be provisioned again:
// host keys, leases, the agent's state, the host name and, if asked, the account. It says all of it before it asks. It
// does not make an image safe to publish.
package deprovision

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/account"
	"github.com/waagent-go/waagent/agent/internal/config"
	"github.com/waagent-go/waagent/agent/internal/distro"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/machine"
)

// Machine is what deprovisioning asks of the machine.
type Machine interface {
	Run(ctx context.Context, c machine.Command) (machine.Result, error)
	Has(program string) bool
	Hostname() (string, error)
	SetHostname(name string) error
}

// Deprovisioner is one -deprovision. All fields but those marked optional are set by the caller.
type Deprovisioner struct {
	Files   host.Files
	Machine Machine
	Family  distro.Family
	Config  config.Config
	In      io.Reader
	Out     io.Writer
	// Log must not write to the agent's log file, which is deleted.
	Log *slog.Logger

	User  bool // -deprovision+user: the account goes too
	Force bool // -force: nothing is asked
	// Note is the last line before the question.
	Note string
	// DHCPHostname tells the DHCP client the name to send. Optional.
	DHCPHostname func(ctx context.Context, name string) error
	// ResourceDisk is what the agent has on the resource disk. Optional.
	ResourceDisk *ResourceDisk
}

// ResourceDisk is what the agent has on the resource disk: which files, and how they are taken away. The duty that made
// them answers.
type ResourceDisk struct {
	Traces func(ctx context.Context) []string
	Leave  func(ctx context.Context) error
}

// action is one thing that will be done.
type action struct {
	warning string   // "" where there is nothing to warn of
	deletes []string // what will go, as far as it is there now
	run     func(ctx context.Context) error
}

// Run says what it will do, asks, and does it. A cancelled ctx ends it before the first action; after that it goes on to
// the end. The result is the exit code: 1 if the account, its home, its keys or host keys due for removal are still there.
func (d *Deprovisioner) Run(ctx context.Context) int {
	victim := d.victim(ctx)
	actions := d.plan(ctx, victim)
	d.announce(actions)
	ok, err := d.confirmed(ctx)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(d.Out, "Interrupted: nothing was changed")
		return 0
	case err != nil:
		d.Log.Error("There was no answer to the question: nothing was changed", "error", err)
		return 0
	case !ok:
		return 0
	}
	stop := context.AfterFunc(ctx, func() { fmt.Fprintln(d.Out, "Deprovisioning cannot be interrupted, it goes on") })
	defer stop()
	ctx = context.WithoutCancel(ctx)
	for _, a := range actions {
		if err := a.run(ctx); err != nil {
			d.Log.Error("A part of deprovisioning failed, the rest goes on", "error", err)
		}
	}
	return d.verdict(ctx, victim)
}

func (d *Deprovisioner) announce(actions []action) {
	var deletes []string
	for _, a := range actions {
		for line := range strings.Lines(a.warning) {
			fmt.Fprintln(d.Out, "WARNING! "+strings.TrimSpace(line))
		}
		deletes = append(deletes, a.deletes...)
	}
	if len(deletes) > 0 {
		fmt.Fprintln(d.Out, "This will be deleted:")
		for _, name := range deletes {
			fmt.Fprintln(d.Out, "  "+name)
		}
	}
	if d.Note != "" {
		fmt.Fprintln(d.Out, d.Note)
	}
}

// confirmed asks, and waits for a line of input or the end of ctx.
func (d *Deprovisioner) confirmed(ctx context.Context) (bool, error) {
	if d.Force {
		return ctx.Err() == nil, nil
	}
	fmt.Fprint(d.Out, "Do you want to proceed (y/n)")
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1) // the reader cannot be cancelled, but the process ends with this command
	go func() {
		text, err := bufio.NewReader(d.In).ReadString('\n')
		if errors.Is(err, io.EOF) && text != "" {
			err = nil
		}
		answers <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case a := <-answers:
		return a.err == nil && strings.HasPrefix(strings.ToLower(a.text), "y"), a.err
	}
}

func (d *Deprovisioner) accounts() account.Accounts {
	return account.Accounts{Files: d.Files, Machine: d.Machine, Family: d.Family}
}

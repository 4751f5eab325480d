// Package provision makes a new VM what its customer asked for: it reads the provisioning DVD, then makes the account, the
// keys, the host name and the rest, and says Ready; or it follows cloud-init doing that. Every step may be cut off by the
// machine's death and is simply done again. It reaches the fabric only through what it is handed.
package provision

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/waagent-go/waagent/agent/internal/account"
	"github.com/waagent-go/waagent/agent/internal/config"
	"github.com/waagent-go/waagent/agent/internal/distro"
	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/instanceid"
	"github.com/waagent-go/waagent/agent/machine"
)

// The words of the health report.
const (
	SubStatusProvisioning = "Provisioning"
	SubStatusFailed       = "ProvisioningFailed"
)

// Reporter tells the fabric how it goes. Neither method waits for the fabric: delivery, and trying again until it works,
// is the reporter's affair, so that a fabric out of reach holds nothing up. A later report replaces an earlier one.
type Reporter interface {
	NotReady(ctx context.Context, subStatus, description string)
	Ready(ctx context.Context)
}

// Provisioner is a first boot. All fields but those marked optional are set by the caller.
type Provisioner struct {
	Files    host.Files
	Machine  machine.Machine
	Family   distro.Family
	Config   config.Config
	Log      *slog.Logger
	Events   event.Sink
	Reporter Reporter
	Version  string // of this agent, for the record

	// Publish makes the new host name known to DHCP and DNS. Optional.
	Publish func(ctx context.Context, name string) error
	// Certificates fetches the certificates of the goal state into Lib.Dir and returns once they are there. It is
	// called only for a DVD that names a key by thumbprint.
	Certificates func(ctx context.Context) error
	// Failpoint is told of each step and each write of state before it happens; an error stands for the process
	// dying there. Optional.
	Failpoint func(name string) error

	times breakdown
}

// State is how a boot went.
type State string

// The states.
const (
	Provisioned State = "provisioned" // by this call, or finished by it
	Already     State = "already"     // in an earlier boot
	Followed    State = "followed"    // cloud-init provisioned; nothing is to be posted to the fabric
	Disabled    State = "disabled"    // nobody was to provision
	Failed      State = "failed"      // reported; the agent goes on
)

// Outcome is what a boot came to.
type Outcome struct {
	State State
	// Fingerprint of the SSH host key, to be posted as a role property after Provisioned; "" if there is none.
	Fingerprint string
	HostName    string
	UserName    string
}

// Run provisions the VM unless that is done already. An error has been logged and reported to the fabric; the caller goes
// on, and the next start tries again. It returns early only when ctx ends.
func (p *Provisioner) Run(ctx context.Context) (Outcome, error) {
	p.times.start(p.Machine.Uptime())
	if err := p.Files.MkdirAll(p.Config.LibDir, 0o700); err != nil {
		return p.fail(ctx, fmt.Errorf("make %s: %w", p.Config.LibDir, err))
	}
	flavour := p.Flavour(ctx)
	p.Log.Info("Provisioning is done by", "agent", flavour, "configured", p.Config.Provisioning.Agent)
	vm, err := instanceid.Read(ctx, p.Files, p.Machine)
	if err != nil {
		return p.fail(ctx, err)
	}
	if flavour == FlavourNone {
		return p.disabled(ctx, vm)
	}
	marked, ok := p.marker()
	switch {
	case ok && instanceid.Same(marked, vm):
		return p.resume(ctx, vm)
	case ok:
		return p.otherVM(ctx, flavour, marked, vm)
	case flavour == FlavourCloudInit:
		return p.follow(ctx, vm)
	}
	return p.provision(ctx, vm)
}

// fail reports a failure in words for the portal. A cancelled ctx is no failure.
func (p *Provisioner) fail(ctx context.Context, err error) (Outcome, error) {
	if ctx.Err() != nil || errors.Is(err, errFailpoint) {
		return Outcome{State: Failed}, err
	}
	description := "[ProvisionError] Failed to provision: " + err.Error()
	p.Log.Error("Provisioning failed", "error", err)
	p.Reporter.NotReady(ctx, SubStatusFailed, description)
	p.Events.Add(event.Event{Operation: "Provision", Message: description, Duration: p.times.elapsed()})
	return Outcome{State: Failed}, err
}

// disabled is for a machine that somebody else makes: it counts as provisioned, and the fabric is told so at each start.
func (p *Provisioner) disabled(ctx context.Context, vm string) (Outcome, error) {
	if err := p.writeMarker(vm); err != nil {
		return p.fail(ctx, err)
	}
	p.Log.Info("Provisioning is disabled, reporting Ready")
	p.Reporter.Ready(ctx)
	return Outcome{State: Disabled}, nil
}

func (p *Provisioner) accounts() account.Accounts {
	return account.Accounts{Files: p.Files, Machine: p.Machine, Family: p.Family}
}

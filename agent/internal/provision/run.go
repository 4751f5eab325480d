package provision

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/instanceid"
	"github.com/waagent-go/waagent/agent/protocol/ovfenv"
)

// firstBoot is one provisioning by this agent.
type firstBoot struct {
	*Provisioner
	disc disc
	env  ovfenv.Environment
	rec  record
}

// provision does everything from the DVD to Ready.
func (p *Provisioner) provision(ctx context.Context, vm string) (Outcome, error) {
	b := &firstBoot{Provisioner: p, rec: record{VM: vm, Agent: p.Version, Flavour: string(FlavourAgent)}}
	if p.Config.Provisioning.Agent == string(FlavourAgent) && p.cloudInitEnabled(ctx) {
		return p.fail(ctx, errors.New("cloud-init is enabled and Provisioning.Agent is waagent: only one of them can provision"))
	}
	if err := p.do(ctx, step{"media", b.readMedia}); err != nil {
		return p.fail(ctx, err)
	}
	if b.env.Platform.ProvisionGuestProxyAgent {
		if err := p.do(ctx, step{"proxy-agent", b.proxyAgent}); err != nil {
			return p.fail(ctx, err)
		}
	}
	p.Reporter.NotReady(ctx, SubStatusProvisioning, "Starting")
	if err := p.do(ctx, b.steps()...); err != nil {
		return p.fail(ctx, err)
	}
	if err := p.writeRecord(b.rec); err != nil {
		return p.fail(ctx, err)
	}
	if err := p.writeMarker(vm); err != nil {
		return p.fail(ctx, err)
	}
	return p.finish(ctx, b.rec)
}

// steps are those that this DVD and configuration ask for, in the original's order, but for sshd, whose configuration can
// be checked only once there are host keys, and for running custom data, which comes after all of it.
func (b *firstBoot) steps() []step {
	linux := b.env.Linux
	all := []struct {
		wanted bool
		step
	}{
		{true, step{"hostname", b.setHostname}},
		{true, step{"account", b.makeAccount}},
		{!linux.UserPassword.IsZero(), step{"password", b.setPassword}},
		{true, step{"sudo", b.allowSudo}},
		{b.needsCertificates(), step{"certificates", b.fetchCertificates}},
		{len(linux.PublicKeys) > 0, step{"public-keys", b.deployKeys}},
		{len(linux.KeyPairs) > 0, step{"key-pairs", b.deployPairs}},
		{!linux.CustomData.IsZero(), step{"custom-data", b.saveCustomData}},
		{b.Config.Provisioning.DeleteRootPassword, step{"root-password", b.lockRoot}},
		{true, step{"host-keys", b.hostKeys}},
		{true, step{"sshd", b.configureSSHD}},
	}
	var steps []step
	for _, s := range all {
		if s.wanted {
			steps = append(steps, s.step)
		}
	}
	return steps
}

func (b *firstBoot) readMedia(ctx context.Context) error {
	d, err := b.findMedia(ctx)
	if err != nil {
		return err
	}
	b.Log.Info("Read the provisioning media", "device", d.device, "filesystem", d.filesystem, "reader", d.reader)
	b.disc, b.rec.Device = d, d.device
	env, err := b.takeDocument(d.document)
	if err != nil {
		return err
	}
	b.env, b.rec.HostName, b.rec.UserName = env, env.Linux.HostName, env.Linux.UserName
	b.rec.GuestAgent = env.Platform.ProvisionGuestAgent
	return nil
}

// takeDocument understands the document and keeps a copy without its secrets.
func (p *Provisioner) takeDocument(document []byte) (ovfenv.Environment, error) {
	env, err := ovfenv.Decode(document)
	if err != nil {
		return env, fmt.Errorf("understand the provisioning media: %w", err)
	}
	if env.Linux.UserName == "" {
		return env, fmt.Errorf("understand the provisioning media: %w", &ovfenv.MissingError{Elements: []string{"UserName"}})
	}
	if env.Version > "1.0" {
		p.Log.Warn("The provisioning media is of a newer version", "version", env.Version)
	}
	redacted, err := ovfenv.Redact(document)
	if err != nil {
		return env, fmt.Errorf("take the secrets out of the provisioning media: %w", err)
	}
	if err := p.reach("ovf-env"); err != nil {
		return env, err
	}
	return env, p.Files.WriteAtomic(p.lib(ovfenv.FileName), redacted, 0o400)
}

// resume is for a VM that carries its own marker: whatever of the end an earlier agent of ours left undone is done.
func (p *Provisioner) resume(ctx context.Context, vm string) (Outcome, error) {
	rec, err := p.readRecord()
	if err != nil || !instanceid.Same(rec.VM, vm) || rec.Ready || rec.Flavour == string(FlavourCloudInit) {
		p.Log.Info("This VM has been provisioned before")
		return Outcome{State: Already, Fingerprint: rec.Fingerprint, HostName: rec.HostName, UserName: rec.UserName}, nil
	}
	if !rec.Finished {
		p.Log.Info("This VM has been provisioned, finishing what was cut off")
		return p.finish(ctx, rec)
	}
	p.Log.Info("This VM has been provisioned; the fabric has not yet taken Ready, reporting it again")
	p.Reporter.Ready(ctx)
	return rec.outcome(), nil
}

// finish does what follows the marker: the media goes, custom data runs, the fabric is told. It is done again from the
// record when it is cut off.
func (p *Provisioner) finish(ctx context.Context, rec record) (Outcome, error) {
	p.eject(rec.Device)
	if rec.Execute {
		if err := p.do(ctx, step{"run-custom-data", p.runCustomData}); err != nil {
			return p.finishFailed(ctx, rec, err)
		}
	}
	if err := p.noteGuestAgent(rec.GuestAgent); err != nil {
		return p.finishFailed(ctx, rec, err)
	}
	p.Log.LogAttrs(ctx, slog.LevelInfo, "Provisioned", p.times.attrs()...)
	uptime := p.Machine.Uptime().Round(10 * time.Millisecond)
	p.Events.Add(event.Event{Operation: "Provision", Success: true, Duration: p.times.elapsed(),
		Message: fmt.Sprintf("Provisioning succeeded (%.2fs); ms: %s", uptime.Seconds(), p.times.String())})
	p.reportTimes()
	rec.Finished = true
	if err := p.writeRecord(rec); err != nil {
		return p.finishFailed(ctx, rec, err)
	}
	p.Reporter.Ready(ctx)
	return rec.outcome(), nil
}

// finishFailed: the VM is what it should be, so anything but the end of the process still makes it Ready.
func (p *Provisioner) finishFailed(ctx context.Context, rec record, err error) (Outcome, error) {
	if ctx.Err() != nil || errors.Is(err, errFailpoint) {
		return Outcome{State: Failed}, err
	}
	p.Log.Warn("The end of provisioning went wrong", "error", err)
	p.Reporter.Ready(ctx)
	return rec.outcome(), nil
}

func (r record) outcome() Outcome {
	return Outcome{State: Provisioned, Fingerprint: r.Fingerprint, HostName: r.HostName, UserName: r.UserName}
}

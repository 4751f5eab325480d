package provision

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/bits"
	"time"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/protocol/ovfenv"
)

const (
	// cloudInitLimit is how long each of cloud-init's two results is waited for.
	cloudInitLimit = 30 * time.Minute
	// cloudInitLook is how often they are looked for; it costs one lstat.
	cloudInitLook = 500 * time.Millisecond
)

// follow lets cloud-init provision and waits until it has: the copy of the document, then the host key. Nothing is posted
// to the fabric, for cloud-init reports itself.
func (p *Provisioner) follow(ctx context.Context, vm string) (Outcome, error) {
	rec := record{VM: vm, Agent: p.Version, Flavour: string(FlavourCloudInit), Finished: true, Ready: true, GuestAgent: true}
	err := p.do(ctx,
		step{"wait-ovf-env", func(ctx context.Context) error { return p.waitFor(ctx, p.lib(ovfenv.FileName)) }},
		step{"ovf-env", func(context.Context) error { return p.readCopy(&rec) }},
		step{"wait-host-key", func(ctx context.Context) error { return p.waitForHostKey(ctx, &rec) }})
	if err != nil {
		return p.fail(ctx, err)
	}
	if err := p.noteGuestAgent(rec.GuestAgent); err != nil {
		return p.fail(ctx, err)
	}
	if err := p.writeRecord(rec); err != nil {
		return p.fail(ctx, err)
	}
	if err := p.writeMarker(vm); err != nil {
		return p.fail(ctx, err)
	}
	p.Log.LogAttrs(ctx, slog.LevelInfo, "Provisioned by cloud-init", p.times.attrs()...)
	p.Events.Add(event.Event{Operation: "Provision", Success: true, Duration: p.times.elapsed(),
		Message: fmt.Sprintf("Provisioning with cloud-init succeeded (%.2fs); ms: %s", p.Machine.Uptime().Seconds(), p.times.String())})
	return Outcome{State: Followed, Fingerprint: rec.Fingerprint, HostName: rec.HostName, UserName: rec.UserName}, nil
}

// readCopy takes from cloud-init's copy who was made, and whether the agent is wanted.
func (p *Provisioner) readCopy(rec *record) error {
	data, err := p.Files.ReadFile(p.lib(ovfenv.FileName))
	if err != nil {
		return err
	}
	env, err := ovfenv.Decode(data)
	if err != nil {
		return fmt.Errorf("understand cloud-init's copy of the provisioning media: %w", err)
	}
	rec.HostName, rec.UserName, rec.GuestAgent = env.Linux.HostName, env.Linux.UserName, env.Platform.ProvisionGuestAgent
	return nil
}

// waitFor returns once there is something at name.
func (p *Provisioner) waitFor(ctx context.Context, name string) error {
	return p.waitUntil(ctx, name, func() error {
		_, err := p.Files.Lstat(name)
		return err
	})
}

func (p *Provisioner) waitForHostKey(ctx context.Context, rec *record) error {
	name := p.hostKeyFile()
	return p.waitUntil(ctx, name, func() (err error) {
		rec.Fingerprint, err = p.fingerprintOf(name)
		return err
	})
}

// waitUntil looks until there answers nil, says now and then that it still waits, and gives up in the end.
func (p *Provisioner) waitUntil(ctx context.Context, what string, there func() error) error {
	begun := time.Now()
	look := time.NewTicker(cloudInitLook)
	defer look.Stop()
	for said := -1; ; {
		err := there()
		if err == nil {
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			p.Log.Debug("Not usable yet", "file", what, "error", err)
		}
		waited := time.Since(begun)
		if waited >= cloudInitLimit {
			return fmt.Errorf("cloud-init did not make %s in %s", what, cloudInitLimit)
		}
		if n := bits.Len(uint(waited / (20 * time.Second))); n > said { // at once, then after 20 s, 40 s, 80 s ...
			said = n
			p.stillWaiting(ctx, what, waited)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
		}
	}
}

func (p *Provisioner) stillWaiting(ctx context.Context, what string, waited time.Duration) {
	p.Log.Info("Waiting for cloud-init", "file", what, "waited", waited.Round(time.Second))
	if waited > time.Second && !p.cloudInitEnabled(ctx) { // at first, it may only be slow
		p.Log.Warn("cloud-init seems to be disabled", "file", what)
	}
}

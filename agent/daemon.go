package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/kernel"
	"github.com/waagent-go/waagent/agent/internal/provision"
	"github.com/waagent-go/waagent/agent/internal/resourcedisk"
	"github.com/waagent-go/waagent/agent/machine"
)

// daemon does the work of a boot, then keeps a goal-state process running until it is asked to stop.
func (p *program) daemon(ctx context.Context) int {
	p.frugal()
	p.log.Info("Azure Linux Agent", "version", p.version)
	p.log.Info("Operating system", "distro", p.distro.ID, "version", p.distro.Version, "name", p.distro.FullName)
	if !p.family.Known {
		p.log.Warn("This distribution is in no row of the table, its defaults are used", "distro", p.distro.ID)
	}
	if p.running() {
		p.log.Info("Another agent is running, this one ends", "pid_file", p.conf.PidFile)
		return 0
	}
	if err := p.prepare(); err != nil {
		return p.exit(err)
	}
	events := p.recorder()
	switch err := p.boot(ctx, events); {
	case ctx.Err() != nil || errors.Is(err, errSystemCenter):
		return 0
	case err != nil:
		return p.exit(err)
	}
	if p.files.Exists(p.lib("disable_agent")) {
		return p.asleep(ctx)
	}
	debug.FreeOSMemory() // what the first boot took is not needed again
	s := &supervisor{log: p.log, events: events, spawn: p.spawnChild}
	return p.exit(s.run(ctx))
}

// spawnChild starts the goal-state process.
func (p *program) spawnChild(ctx context.Context) (machine.Process, error) {
	o := p.Options
	o.Args = []string{"-run-exthandlers"}
	if p.command.ConfPath != "" {
		o.Args = append(o.Args, "-configuration-path:"+p.command.ConfPath)
	}
	if p.command.Verbose {
		o.Args = append(o.Args, "-verbose")
	}
	return p.Spawn(ctx, o)
}

// running reports whether the pid file names a live process that is an agent's.
func (p *program) running() bool {
	text, err := p.files.ReadFile(p.conf.PidFile)
	if err != nil {
		return false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 || pid == os.Getpid() {
		return false
	}
	line, err := p.files.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && strings.Contains(string(line), "daemon")
}

// prepare makes what every later step takes for granted.
func (p *program) prepare() error {
	if err := p.files.MkdirAll(p.conf.LibDir, 0o700); err != nil {
		return err
	}
	if err := p.files.MkdirAll(p.conf.ExtensionLogDir, 0o755); err != nil {
		return err
	}
	if p.conf.OS.OpensslPath != "" {
		p.log.Info("OS.OpensslPath is set and not needed: certificates are handled without the openssl program")
	}
	return p.files.WriteAtomic(p.conf.PidFile, []byte(strconv.Itoa(os.Getpid())), 0o644)
}

// boot does what a boot asks for: disk, provisioning, and the reports about it. A fabric that cannot be reached holds
// up nothing but the reports.
func (p *program) boot(ctx context.Context, events event.Sink) error {
	if err := p.failpoint("daemon.boot"); err != nil {
		return err
	}
	if err := p.systemCenter(ctx); err != nil {
		return err
	}
	if _, ok := p.guest(); ok {
		kernel.AddEntropy(p.files, p.log) // before host keys are made
	}
	l := p.newLink(events)
	l.finder.Forget()
	flavour := p.provisioner(l, events).Flavour(ctx)
	if flavour != provision.FlavourCloudInit {
		p.resourceDisk(ctx, events, flavour)
	}
	r := newReporter(l, p.log)
	reporting, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.run(reporting)
	}()
	outcome, _ := p.provision(ctx, events, l, r) // what went wrong has been logged and reported
	if flavour == provision.FlavourCloudInit {
		p.resourceDisk(ctx, events, flavour) // which cloud-init has mounted by now, if it does
	}
	r.close()
	<-done // the goal-state process needs the fabric anyway
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if r.accepted() {
		p.afterReady(ctx, l, outcome)
	}
	return nil
}

// afterReady is what follows a Ready that the fabric has taken.
func (p *program) afterReady(ctx context.Context, l *link, o provision.Outcome) {
	if o.State == provision.Provisioned {
		provisioner := p.provisioner(l, nil)
		if err := provisioner.Acknowledge(); err != nil {
			p.log.Warn("Cannot write down that the fabric took Ready", "error", err)
		}
	}
	if o.State == provision.Provisioned && o.Fingerprint != "" {
		if err := l.wire.ReportFingerprint(ctx, o.Fingerprint); err != nil && ctx.Err() == nil {
			p.log.Warn("The fabric did not take the host key's fingerprint", "error", err)
		}
	}
}

func (p *program) provision(ctx context.Context, events event.Sink, l *link, r *reporter) (provision.Outcome, error) {
	provisioner := p.provisioner(l, events)
	provisioner.Reporter = r
	return provisioner.Run(ctx)
}

func (p *program) provisioner(l *link, events event.Sink) *provision.Provisioner {
	return &provision.Provisioner{
		Files: p.files, Machine: p.Machine, Family: p.family, Config: p.conf.Config, Log: p.log,
		Events: events, Version: p.version, Failpoint: p.Failpoint, Publish: p.publish,
		Certificates: func(ctx context.Context) error { return p.fetchCertificates(ctx, l) },
	}
}

// fetchCertificates brings the goal state's certificates for keys that the DVD names by thumbprint.
func (p *program) fetchCertificates(ctx context.Context, l *link) error {
	if err := l.connect(ctx); err != nil {
		return err
	}
	_, err := p.fetcher(l, l.downloader(nil), nil).FetchCertificates(ctx)
	return err
}

// resourceDisk gives the VM its temporary disk; whatever goes wrong there, the boot goes on. Where cloud-init looks after
// the VM it looks after the disk too: the options count only if the file sets them, and then what cloud-init mounted is
// adopted, never formatted. Provisioning.Enabled=n changes nothing at all.
func (p *program) resourceDisk(ctx context.Context, events event.Sink, flavour provision.Flavour) {
	start := time.Now()
	follows := flavour == provision.FlavourCloudInit
	if follows && !p.conf.IsSet("ResourceDisk.Format") && !p.conf.IsSet("ResourceDisk.EnableSwap") {
		return
	}
	if !p.conf.Provisioning.Enabled && !follows {
		return
	}
	o := p.diskOptions(p.log)
	o.AdoptOnly = follows && (p.conf.ResourceDisk.Format || p.conf.ResourceDisk.EnableSwap)
	if follows && !o.AdoptOnly {
		return
	}
	res, err := resourcedisk.Activate(ctx, o)
	switch {
	case errors.Is(err, resourcedisk.ErrNoDisk):
		p.log.Info("This VM has no resource disk")
	case err != nil && ctx.Err() == nil && follows:
		p.log.Info("cloud-init gave this VM no resource disk", "reason", err)
	case err != nil && ctx.Err() == nil:
		p.log.Error("The resource disk cannot be used", "error", err)
		events.Add(event.Event{Operation: "ActivateResourceDisk", Message: err.Error(), Duration: time.Since(start)})
	case res.MountPoint != "":
		p.log.Info("The resource disk is ready", "device", res.Partition, "type", res.Filesystem, "path", res.MountPoint,
			"formatted", res.Formatted, "took", time.Since(start).Round(time.Millisecond))
	}
}

// diskOptions is what the resource disk's duty needs, and deprovisioning of it.
func (p *program) diskOptions(log *slog.Logger) resourcedisk.Options {
	o := resourcedisk.Options{
		Config: p.conf.ResourceDisk, LibDir: p.conf.LibDir, Files: p.files, Machine: p.Machine,
		Disks: host.Disks{Files: p.files}, Log: log, FreeBSD: p.freeBSD(),
	}
	if m, ok := p.Machine.(interface{ Release() string }); ok {
		o.Release = m.Release()
	}
	return o
}

// asleep keeps the service up and does nothing: the customer switched the agent off.
func (p *program) asleep(ctx context.Context) int {
	p.log.Warn("Disabling the guest agent by sleeping forever; to re-enable, remove " + p.lib("disable_agent") + " and restart")
	<-ctx.Done()
	return 0
}

// failpoint asks the failpoint, if there is one.
func (p *program) failpoint(name string) error {
	if p.Failpoint == nil {
		return nil
	}
	return p.Failpoint(name)
}

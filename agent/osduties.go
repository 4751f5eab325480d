package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"time"

	"github.com/waagent-go/waagent/agent/internal/cmdline"
	"github.com/waagent-go/waagent/agent/internal/endpoint"
	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/internal/firewall"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/hostname"
	"github.com/waagent-go/waagent/agent/internal/kernel"
	"github.com/waagent-go/waagent/agent/internal/netenv"
	"github.com/waagent-go/waagent/agent/internal/scvmm"
	"github.com/waagent-go/waagent/agent/internal/serialconsole"
)

// guest is what only the machine that this process runs on can do; a pretend one has no duties about its network and
// its kernel.
type guest interface {
	Release() string
	AwaitHostname(ctx context.Context, ready func()) error
	Start(argv []string) error
}

func (p *program) guest() (guest, bool) {
	g, ok := p.Machine.(guest)
	return g, ok
}

func (p *program) freeBSD() bool { return runtime.GOOS == "freebsd" }

// osDuties look after the machine around the agent.
func (p *program) osDuties(l *link, events event.Sink) []Duty {
	g, ok := p.guest()
	if !ok {
		return nil
	}
	conf := p.conf
	duties := []Duty{
		p.firewallDuty(l, events),
		&kernel.SCSITimeout{
			Files: p.files, Machine: p.Machine, FreeBSD: p.freeBSD(), Seconds: conf.OS.RootDeviceScsiTimeout,
			Period: conf.OS.RootDeviceScsiTimeoutPeriod, Log: p.log,
		},
		&netenv.ClientMonitor{
			Files: p.files, Clients: netenv.Clients(), Period: conf.OS.MonitorDhcpClientRestartPeriod, Log: p.log,
			Restore: func(ctx context.Context) error { return p.restoreRoutes(ctx, l) },
		},
	}
	if !p.family.KeepsPersistentRules {
		duties = append(duties, &netenv.PersistentRules{
			Files: p.files, LibDir: conf.LibDir, Period: conf.OS.RemovePersistentNetRulesPeriod, Log: p.log,
		})
	}
	if conf.OS.EnableRDMA || conf.OS.UpdateRdmaDriver || conf.OS.CheckRdmaDriver {
		duties = append(duties, dutyFunc{"RDMA", func(ctx context.Context) error { return p.rdma(ctx, g.Release()) }})
	}
	if conf.Provisioning.MonitorHostName {
		duties = append(duties, &hostname.Monitor{
			Files: p.files, Machine: p.Machine, Family: p.family, LibDir: conf.LibDir, Period: conf.Provisioning.MonitorHostNamePeriod,
			Publish: p.publish, Await: g.AwaitHostname, Events: events, Log: p.log,
		})
	}
	return duties
}

// publish makes a host name known to the fabric's DNS.
func (p *program) publish(ctx context.Context, name string) error {
	if _, ok := p.guest(); !ok {
		return nil
	}
	return p.publisher().Publish(ctx, name)
}

func (p *program) publisher() *hostname.Publisher {
	return &hostname.Publisher{
		Files: p.files, Machine: p.Machine, Family: p.family, LibDir: p.conf.LibDir, Log: p.log,
		Announce: hostname.Announce, HasAddress: hostname.HasAddress,
	}
}

// restoreRoutes adds the routes that DHCP asked for and that are missing.
func (p *program) restoreRoutes(ctx context.Context, l *link) error {
	offer := l.offered
	if !offer.Gateway.IsValid() && len(offer.Routes) == 0 {
		if offers := endpoint.Leases(p.files, time.Now()); len(offers) > 0 {
			offer = offers[0]
		}
	}
	o := netenv.Offer{Gateway: offer.Gateway}
	for _, r := range offer.Routes {
		o.Routes = append(o.Routes, netenv.Route{To: r.To, Via: r.Via})
	}
	return netenv.Restore(ctx, p.router(), o, p.log)
}

func (p *program) firewall(address string, events event.Sink) (*firewall.Firewall, error) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		self = p.family.BinDir + "/waagent"
	}
	return &firewall.Firewall{
		Machine: p.Machine, Files: p.files, Endpoint: ip, UID: os.Geteuid(), Period: p.conf.OS.EnableFirewallPeriod,
		Events: events, Log: p.log,
		Persist: firewall.Persistence{UnitDir: p.family.UnitDir, Service: p.family.Service, Program: self, LibDir: p.conf.LibDir},
	}, nil
}

// firewallDuty keeps the rules, or takes away what an earlier configuration had this agent make.
func (p *program) firewallDuty(l *link, events event.Sink) Duty {
	return dutyFunc{"Firewall", func(ctx context.Context) error {
		f, err := p.firewall(l.wire.Endpoint, events)
		if err != nil {
			return err
		}
		if p.conf.OS.EnableFirewall {
			return f.Run(ctx)
		}
		if f.Ours() {
			p.log.Info("OS.EnableFirewall is n now, removing the firewall rules")
			if err := f.Remove(ctx); err != nil && ctx.Err() == nil {
				p.log.Warn("Cannot remove the firewall rules", "error", err.Error())
			}
		}
		<-ctx.Done()
		return nil
	}}
}

// rdma sets up the device once, as soon as the goal state has said which address it has.
func (p *program) rdma(ctx context.Context, release string) error {
	for !p.files.Exists(p.lib("SharedConfig.xml")) {
		if fabric.Sleep(ctx, p.conf.Extensions.GoalStatePeriod) != nil {
			return nil
		}
	}
	r := &kernel.RDMA{
		Files: p.files, Machine: p.Machine, Log: p.log, ID: p.distro.ID, Version: p.distro.Version, FullName: p.distro.FullName,
		Release: release, Check: p.conf.OS.CheckRdmaDriver, Update: p.conf.OS.UpdateRdmaDriver,
	}
	doc, err := p.files.ReadFile(p.lib("SharedConfig.xml"))
	if err == nil {
		r.Address, r.MAC, err = kernel.ParseSharedConfig(doc)
	}
	r.Unknown = err // the driver is installed all the same: the address may come after the reboot that it needs
	if err := r.Setup(ctx); err != nil && ctx.Err() == nil {
		p.log.Error("RDMA is not set up", "error", err.Error())
	}
	<-ctx.Done()
	return nil
}

// setupFirewall makes the rules early in a boot. Where firewalld starts at boot, it makes them.
func (p *program) setupFirewall(ctx context.Context) int {
	f, err := p.firewall(p.command.Address, event.Discard{})
	if err != nil {
		return p.exit(err)
	}
	if f.FirewalldEnabled() {
		p.log.Info("firewalld makes the firewall rules, nothing is set up here")
		return 0
	}
	return p.exit(f.Setup(ctx))
}

// serialConsole is a command that always succeeds, as it always did; what went wrong is said.
func (p *program) serialConsole(ctx context.Context) int {
	files, m := p.bootFiles()
	if err := serialconsole.Enable(ctx, files, m, serialconsole.Options(runtime.GOARCH), p.log); err != nil {
		p.log.Error("Cannot configure the serial console", "error", err)
	}
	return 0
}

// bootFiles are those of the machine whose boot is edited. One that does not run has no tools to run.
func (p *program) bootFiles() (host.Files, serialconsole.Machine) {
	if p.command.Root != "" {
		return host.Files{Root: p.command.Root}, nil
	}
	return p.files, p.Machine
}

// errRunningNUMA is what -numa-off says of this machine.
var errRunningNUMA = errors.New("this program cannot run on a kernel up to 2.6.37, the only ones that need it: give the files of a machine that is off as -root:<dir>")

// numa edits the boot options of a machine that does not run.
func (p *program) numa(ctx context.Context) int {
	if p.command.Root == "" {
		return p.exit(errRunningNUMA)
	}
	if info, err := os.Stat(p.command.Root); err != nil {
		return p.exit(err)
	} else if !info.IsDir() {
		return p.exit(fmt.Errorf("-root: %s is no folder", p.command.Root))
	}
	edit := kernel.DisableNUMA
	if p.command.Verb == cmdline.NUMAOn {
		edit = kernel.EnableNUMA
	}
	changed, err := edit(ctx, host.Files{Root: p.command.Root}, p.log)
	switch {
	case errors.Is(err, kernel.ErrNotNeeded):
		p.log.Info("Nothing was changed", "root", p.command.Root, "because", err.Error())
		return 0
	case err == nil && len(changed) == 0:
		p.log.Info("The boot options are as they are to be", "root", p.command.Root)
	}
	return p.exit(err)
}

// errSystemCenter ends the daemon; the service manager starts it again if System Center's installer has not replaced it.
var errSystemCenter = errors.New("the agent of System Center is being installed")

// systemCenter starts System Center's installer where its DVD is, and waits for it to take over.
func (p *program) systemCenter(ctx context.Context) error {
	g, ok := p.guest()
	if !ok || !p.conf.DetectScvmmEnv {
		return nil
	}
	d := &scvmm.Detector{
		Files: p.files, Machine: p.Machine, MountPoint: p.conf.DVDMountPoint, Release: g.Release(), Log: p.log, Start: g.Start,
	}
	found, err := d.Detect(ctx)
	if err != nil {
		p.log.Warn("Cannot look for System Center's DVD", "error", err.Error())
	}
	if !found {
		return nil
	}
	_ = fabric.Sleep(ctx, scvmm.Wait) // asked to end meanwhile or not: it ends
	return errSystemCenter
}

package provision

import (
	"context"
	"errors"
	"path"
	"regexp"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/event"
)

// otherVM is for a disk whose marker names another VM: a clone. What the other VM left in the agent's folder goes. A clone
// that comes with provisioning media is provisioned; one without, made from a specialised disk, is Ready as it is.
func (p *Provisioner) otherVM(ctx context.Context, flavour Flavour, marked, vm string) (Outcome, error) {
	if marked != "" {
		p.Log.Warn("This disk was provisioned for another VM", "vm", vm, "marker", marked)
		p.Events.Add(event.Event{Operation: "Provision", Message: "the disk was provisioned for another VM, its cached state is removed"})
		if err := p.do(ctx, step{"forget", p.forget}); err != nil {
			return p.fail(ctx, err)
		}
		if flavour == FlavourAgent {
			if d, err := p.lookOnce(ctx); err == nil {
				p.Log.Info("There is provisioning media, provisioning again", "device", d.device)
				return p.provision(ctx, vm)
			}
		}
	}
	if err := p.writeMarker(vm); err != nil {
		return p.fail(ctx, err)
	}
	p.Log.Info("No provisioning media for this VM, reporting Ready")
	p.Reporter.Ready(ctx)
	return Outcome{State: Provisioned}, nil
}

// forget removes what another VM's agent cached: leases, documents, the state of its extensions. Accounts, keys and the
// extensions themselves stay.
func (p *Provisioner) forget(context.Context) error {
	var failed []error
	for _, pattern := range forgotten(p.Config.LibDir) {
		for _, name := range p.Files.Glob(pattern) {
			if info, err := p.Files.Lstat(name); err == nil && !info.IsDir() {
				failed = append(failed, p.Files.Remove(name))
			}
		}
	}
	for _, dir := range leaseDirs() {
		for _, name := range p.Files.Glob(dir + "/*") {
			failed = append(failed, p.Files.RemoveAll(name))
		}
	}
	failed = append(failed, p.Files.Remove(p.lib(recordFile)))
	return errors.Join(append(failed, p.forgetExtensions())...)
}

func leaseDirs() []string {
	return []string{"/var/lib/dhclient", "/var/lib/dhcpcd", "/var/lib/dhcp"}
}

func forgotten(lib string) []string {
	patterns := []string{"/var/db/dhclient.leases.*", "/var/lib/NetworkManager/dhclient-*.lease", "/run/systemd/netif/leases/*"}
	for _, name := range strings.Fields("HostingEnvironmentConfig.xml Incarnation partition Protocol SharedConfig.xml " +
		"WireServerEndpoint published_hostname fast_track.json initial_goal_state waagent_rsm_update waagent_initial_update " +
		"Extensions.*.xml ExtensionsConfig.*.xml GoalState.*.xml") {
		patterns = append(patterns, path.Join(lib, name))
	}
	return patterns
}

// forgetExtensions clears each handler's status and settings, so that it is enabled anew; HandlerState stays.
func (p *Provisioner) forgetExtensions() error {
	handler := regexp.MustCompile(`^[^-]+-[0-9.]+$`)
	entries, err := p.Files.ReadDir(p.Config.LibDir)
	if err != nil {
		return err
	}
	var failed []error
	for _, e := range entries {
		if !e.IsDir() || !handler.MatchString(e.Name()) || strings.HasPrefix(e.Name(), "WALinuxAgent-") {
			continue
		}
		dir := p.lib(e.Name())
		for _, pattern := range []string{"status/*.status", "config/*.settings", "config/HandlerStatus", "mrseq"} {
			for _, name := range p.Files.Glob(path.Join(dir, pattern)) {
				failed = append(failed, p.Files.Remove(name))
			}
		}
	}
	return errors.Join(failed...)
}

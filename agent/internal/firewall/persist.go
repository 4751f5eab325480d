package firewall

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/waagent-go/waagent/agent/machine"
)

// Persistence says how the rules are made early in the next boot, before anybody has the network.
type Persistence struct {
	UnitDir string // where the distribution keeps units, "" without systemd
	Service string // the agent's service; the unit is <Service>-network-setup.service
	Program string // the agent's
	LibDir  string
}

// unitVersion is above every version tag of the original's unit.
const unitVersion = "3.0"

// adminDir takes units on machines whose own folder for them is read-only or belongs to an image.
const adminDir = "/etc/systemd/system"

// oldHelper is the Python program that the original's unit runs.
const oldHelper = "waagent-network-setup.py"

func (p Persistence) unit() string { return p.Service + "-network-setup.service" }

func (f *Firewall) unitText() string {
	return fmt.Sprintf(`# Lets only root speak to the platform, from before the network is up. Written by the agent.
# Version=%s
[Unit]
Description=Network rules of the Azure Linux agent
DefaultDependencies=no
After=local-fs.target
Before=network-pre.target
Wants=network-pre.target
ConditionPathExists=%s

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=%s -setup-firewall=%s

[Install]
WantedBy=network.target
`, unitVersion, f.Persist.Program, f.Persist.Program, f.Endpoint)
}

// MakeLast has firewalld make the rules at the next boot if it runs, and a unit of the agent's own otherwise.
func (f *Firewall) MakeLast(ctx context.Context) error {
	if f.Firewalld(ctx) {
		return errors.Join(f.permanent(ctx), f.dropUnit(ctx))
	}
	if f.Persist.UnitDir == "" || !f.Files.Exists("/run/systemd/system") {
		return nil
	}
	dir, err := f.unitDir()
	if err != nil {
		return err
	}
	name, text := path.Join(dir, f.Persist.unit()), f.unitText()
	old, err := f.Files.ReadFile(name)
	if err == nil && string(old) == text && f.enabled() {
		return nil
	}
	if err := f.Files.WriteAtomic(name, []byte(text), 0o644); err != nil {
		return err
	}
	if err := f.exec(ctx, "systemctl", "enable", f.Persist.unit()); err != nil {
		return errors.Join(err, f.Files.Remove(name))
	}
	f.Log.Info("The firewall rules are made again at the next boot", "unit", name)
	return f.Files.Remove(path.Join(f.Persist.LibDir, oldHelper))
}

// enabled looks for the link that systemctl enable makes.
func (f *Firewall) enabled() bool {
	return f.Files.Exists(path.Join(adminDir, "network.target.wants", f.Persist.unit()))
}

// unitDir is the distribution's folder, or the administrator's where that cannot be written to.
func (f *Firewall) unitDir() (string, error) {
	dir := f.Persist.UnitDir
	if !f.Files.Exists("/run/ostree-booted") && f.writable(dir) {
		return dir, nil
	}
	if dir != adminDir {
		// A copy that an earlier agent left would be shadowed, and confuse.
		if err := f.Files.Remove(path.Join(dir, f.Persist.unit())); err != nil && !errors.Is(err, fs.ErrPermission) && f.writable(dir) {
			return "", err
		}
	}
	return adminDir, f.Files.MkdirAll(adminDir, 0o755)
}

func (f *Firewall) writable(dir string) bool {
	probe := path.Join(dir, ".waagent-probe")
	if f.Files.WriteAtomic(probe, nil, 0o600) != nil {
		return false
	}
	return f.Files.Remove(probe) == nil
}

// Firewalld reports whether firewalld runs.
func (f *Firewall) Firewalld(ctx context.Context) bool {
	if !f.Machine.Has("firewall-cmd") {
		return false
	}
	res, err := f.Machine.Run(ctx, machine.Command{Argv: []string{"firewall-cmd", "--state"}})
	return err == nil && strings.TrimSpace(string(res.Stdout)) == "running"
}

// FirewalldEnabled reports whether firewalld starts at boot; then it makes the rules, and -setup-firewall has nothing
// to do.
func (f *Firewall) FirewalldEnabled() bool {
	return len(f.Files.Glob(adminDir+"/*.wants/firewalld.service")) > 0
}

func passthrough(op string, rule []string) []string {
	argv := []string{"firewall-cmd", "--permanent", "--direct", op, "ipv4", "-t", "security", "-A", "OUTPUT"}
	return append(argv, rule...)
}

// permanent gives firewalld the rules that it lacks. Some without the others are taken away first: the order counts.
func (f *Firewall) permanent(ctx context.Context) error {
	old := []string{"firewall-cmd", "--permanent", "--direct", "--remove-passthrough", "ipv4", "-t", "security", "-I", "OUTPUT"}
	_ = f.exec(ctx, append(old, rules(f.Endpoint, f.UID)[0]...)...) // of earlier agents; mostly not there
	all := rules(f.Endpoint, f.UID)
	var there [][]string
	for _, r := range all {
		switch err := f.exec(ctx, passthrough("--query-passthrough", r)...); {
		case err == nil:
			there = append(there, r)
		case exitCode(err) != 1:
			return err
		}
	}
	if len(there) == len(all) {
		return nil
	}
	for _, r := range there {
		if err := f.exec(ctx, passthrough("--remove-passthrough", r)...); err != nil {
			return err
		}
	}
	for _, r := range all {
		if err := f.exec(ctx, passthrough("--passthrough", r)...); err != nil {
			return err
		}
	}
	f.Log.Info("firewalld makes the firewall rules at the next boot")
	return nil
}

// forget undoes MakeLast.
func (f *Firewall) forget(ctx context.Context) error {
	var errs []error
	if f.Firewalld(ctx) {
		for _, r := range rules(f.Endpoint, f.UID) {
			if f.exec(ctx, passthrough("--query-passthrough", r)...) == nil {
				errs = append(errs, f.exec(ctx, passthrough("--remove-passthrough", r)...))
			}
		}
	}
	return errors.Join(append(errs, f.dropUnit(ctx))...)
}

// dropUnit deletes the unit wherever it is, with the link that enables it.
func (f *Firewall) dropUnit(context.Context) error {
	if f.Persist.UnitDir == "" {
		return nil
	}
	var errs []error
	for _, name := range []string{
		path.Join(adminDir, "network.target.wants", f.Persist.unit()), path.Join(adminDir, f.Persist.unit()),
		path.Join(f.Persist.UnitDir, f.Persist.unit()), path.Join(f.Persist.LibDir, oldHelper),
	} {
		if f.Files.Exists(name) {
			errs = append(errs, f.Files.Remove(name))
		}
	}
	return errors.Join(errs...)
}

// Ours reports whether this agent has set up the rules to last: they are removed when the option was switched off.
func (f *Firewall) Ours() bool {
	for _, dir := range []string{f.Persist.UnitDir, adminDir} {
		text, err := f.Files.ReadFile(path.Join(dir, f.Persist.unit()))
		if err == nil && strings.Contains(string(text), "Version="+unitVersion+"\n") {
			return true
		}
	}
	return false
}

func (f *Firewall) exec(ctx context.Context, argv ...string) error {
	_, err := f.Machine.Run(ctx, machine.Command{Argv: argv})
	return err
}

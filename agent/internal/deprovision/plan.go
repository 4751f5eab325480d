package deprovision

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/account"
	"github.com/waagent-go/waagent/agent/machine"
)

// newName is what the machine is called until it is provisioned again.
const newName = "localhost.localdomain"

// plan lists everything, in the original's order; the log goes last, for nothing may be written to it afterwards.
func (d *Deprovisioner) plan(ctx context.Context, v victim) []action {
	actions := []action{d.stopService()}
	if d.Config.Provisioning.RegenerateSSHHostKeyPair {
		actions = append(actions, d.remove("All SSH host keys will be deleted.", d.Config.OS.SSHDir+"/ssh_host_*key*"))
	}
	actions = append(actions,
		d.empty("The DHCP leases that were kept will be deleted.", "/var/lib/dhclient", "/var/lib/dhcpcd", "/var/lib/dhcp"),
		d.remove("", "/var/db/dhclient.leases.*", "/var/lib/NetworkManager/dhclient-*.lease", "/run/systemd/netif/leases/*"),
		action{run: d.rename})
	if d.Config.Provisioning.DeleteRootPassword {
		actions = append(actions, action{
			warning: "Nobody will be able to log in as root with a password.",
			run:     func(ctx context.Context) error { return account.LockRoot(ctx, d.accounts(), d.Config.OS.PasswordPath) },
		})
	}
	if d.ResourceDisk != nil {
		if traces := d.ResourceDisk.Traces(ctx); len(traces) > 0 {
			actions = append(actions, action{deletes: traces, run: d.ResourceDisk.Leave})
		}
	}
	actions = append(actions,
		d.empty("", d.Config.LibDir, d.Config.ExtensionLogDir),
		d.remove("", "/root/.bash_history", "/etc/random.seed", "/var/db/host.random", "/etc/isakmpd/local.pub",
			"/etc/isakmpd/private/local.key", "/etc/iked/private/local.key", "/etc/iked/local.pub"),
		d.resolvConf())
	if d.User {
		actions = append(actions, d.removeUser(v))
	}
	actions = append(actions, d.units()...)
	if d.Family.RemoveMachineID {
		actions = append(actions, d.remove("/etc/machine-id will be removed.", "/etc/machine-id"))
	}
	return append(actions, d.remove("", "/var/log/waagent.log"))
}

func (d *Deprovisioner) stopService() action {
	if d.Family.Stop == nil {
		return action{run: func(context.Context) error { return nil }}
	}
	return action{
		warning: fmt.Sprintf("The %s service will be stopped.", d.Family.Service),
		run: func(ctx context.Context) error {
			_, err := d.Machine.Run(ctx, machine.Command{Argv: d.Family.Stop})
			return err
		},
	}
}

func (d *Deprovisioner) rename(ctx context.Context) error {
	err := d.Family.SetHostname(ctx, d.Files, d.Machine, newName)
	if d.DHCPHostname != nil {
		err = errors.Join(err, d.DHCPHostname(ctx, newName))
	}
	return err
}

// remove deletes the files, and links to files, that match; folders stay.
func (d *Deprovisioner) remove(warning string, patterns ...string) action {
	matches := func() []string {
		var names []string
		for _, pattern := range patterns {
			for _, name := range d.Files.Glob(pattern) {
				if info, err := d.Files.Stat(name); err == nil && info.Mode().IsRegular() {
					names = append(names, name)
				}
			}
		}
		return names
	}
	return action{warning: warning, deletes: matches(), run: func(context.Context) error {
		var failed []error
		for _, name := range matches() {
			failed = append(failed, d.Files.Remove(name))
		}
		return errors.Join(failed...)
	}}
}

// empty deletes all that the folders hold.
func (d *Deprovisioner) empty(warning string, dirs ...string) action {
	a := action{warning: warning, run: func(context.Context) error {
		var failed []error
		for _, dir := range dirs {
			entries, err := d.Files.ReadDir(dir)
			if err != nil {
				continue
			}
			for _, e := range entries {
				failed = append(failed, d.Files.RemoveAll(path.Join(dir, e.Name())))
			}
		}
		return errors.Join(failed...)
	}}
	for _, dir := range dirs {
		if entries, err := d.Files.ReadDir(dir); err == nil && len(entries) > 0 {
			a.deletes = append(a.deletes, strings.TrimSuffix(dir, "/")+"/*")
		}
	}
	return a
}

// resolvConf is kept by newer Ubuntus; where resolvconf writes it, its own two files go instead.
func (d *Deprovisioner) resolvConf() action {
	if d.Family.KeepsResolvConf {
		a := d.remove("")
		a.warning = "/etc/resolv.conf will NOT be deleted; before Ubuntu 18.04 it was."
		return a
	}
	const tail, original = "/etc/resolvconf/resolv.conf.d/tail", "/etc/resolvconf/resolv.conf.d/original"
	if d.Family.ResolvconfTail {
		target, err := d.Files.Follow("/etc/resolv.conf")
		written, werr := d.Files.Path("/run/resolvconf/resolv.conf")
		if err == nil && werr == nil && target == written {
			return d.remove(tail+" and "+original+" will be deleted.", tail, original)
		}
	}
	return d.remove("/etc/resolv.conf will be deleted.", "/etc/resolv.conf")
}

// units are what the agent itself put among the systemd units.
func (d *Deprovisioner) units() []action {
	if d.Family.UnitDir == "" {
		return nil
	}
	setup := d.Family.Service + "-network-setup.service"
	dropIns := path.Join(d.Family.UnitDir, d.Family.Service+".service.d")
	patterns := []string{
		path.Join(d.Family.UnitDir, setup), path.Join("/etc/systemd/system", setup),
		path.Join(d.Family.UnitDir, "azure-walinuxagent-logcollector.slice"),
	}
	for _, name := range []string{"10-Slice", "11-CPUAccounting", "12-CPUQuota", "13-MemoryAccounting"} {
		patterns = append(patterns, path.Join(dropIns, name+".conf"))
	}
	wanted := action{run: func(context.Context) error {
		return d.Files.Remove(path.Join("/etc/systemd/system/network.target.wants", setup))
	}}
	return []action{d.remove("", patterns...), wanted}
}

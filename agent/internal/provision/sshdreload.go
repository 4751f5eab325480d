package provision

import (
	"context"

	"github.com/waagent-go/waagent/agent/machine"
)

// reloadSSHD makes a running sshd read its configuration and keys. Where it fails the next boot does it.
func (b *firstBoot) reloadSSHD(ctx context.Context) {
	if b.Family.SSHReload == nil {
		return
	}
	if _, err := b.Machine.Run(ctx, machine.Command{Argv: b.Family.SSHReload}); err != nil && ctx.Err() == nil {
		b.Log.Warn("sshd was not reloaded", "error", err)
		return
	}
	b.reviveSSHD(ctx)
}

// reviveSSHD starts an sshd that gave up earlier in this boot because there were no host keys yet: a machine that was
// deprovisioned has none, and systemd does not reload what has failed.
func (b *firstBoot) reviveSSHD(ctx context.Context) {
	if b.Family.SSHReload[0] != "systemctl" {
		return
	}
	unit := b.Family.SSHReload[len(b.Family.SSHReload)-1]
	if _, err := b.Machine.Run(ctx, machine.Command{Argv: []string{"systemctl", "is-failed", "--quiet", unit}}); err != nil {
		return
	}
	b.Log.Info("sshd failed earlier in this boot, starting it again", "unit", unit)
	for _, argv := range [][]string{{"systemctl", "reset-failed", unit}, {"systemctl", "--no-block", "start", unit}} {
		if _, err := b.Machine.Run(ctx, machine.Command{Argv: argv}); err != nil && ctx.Err() == nil {
			b.Log.Warn("sshd was not started", "error", err)
			return
		}
	}
}

package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os/exec"
	"path"
	"regexp"
	"slices"

	"github.com/waagent-go/waagent/agent/internal/provision/sshdconfig"
	"github.com/waagent-go/waagent/agent/machine"
)

// backupFile in Lib.Dir holds the files of sshd's configuration from before the edit until sshd has accepted it.
const backupFile = "state/sshd-backup.json"

// configureSSHD sets what the DVD and the configuration say about sshd, lets sshd judge it, and has it read. What sshd
// refuses is put back.
func (b *firstBoot) configureSSHD(ctx context.Context) error {
	if err := b.restoreSSHD(); err != nil { // a boot was cut off between edit and judgement
		return err
	}
	if !b.Family.OwnSSHDConfig {
		if err := b.editSSHD(ctx); err != nil {
			return err
		}
	}
	b.reloadSSHD(ctx)
	return nil
}

func (b *firstBoot) editSSHD(ctx context.Context) error {
	main := path.Join(b.Config.OS.SSHDir, "sshd_config")
	if _, err := b.Files.Stat(main); errors.Is(err, fs.ErrNotExist) {
		b.Log.Warn("There is no sshd configuration to edit", "file", main)
		return nil
	}
	edited, err := b.edited(main)
	if err != nil || len(edited) == 0 {
		return err
	}
	if err := b.saveSSHD(edited); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(edited)) {
		if err := b.reach("sshd"); err != nil {
			return err
		}
		if err := b.Files.Rewrite(name, []byte(edited[name]), 0o644); err != nil {
			return errors.Join(err, b.restoreSSHD())
		}
		b.Log.Info("Edited sshd's configuration", "file", name)
	}
	return b.judgeSSHD(ctx, main)
}

// directives are set in this order, as the original does.
func (b *firstBoot) directives() [][2]string {
	password := "yes"
	if b.env.Linux.DisableSSHPasswordAuthentication {
		password = "no"
	}
	return [][2]string{
		{"PasswordAuthentication", password},
		{"ChallengeResponseAuthentication", password},
		{"ClientAliveInterval", b.Config.OS.SSHClientAliveInterval},
	}
}

// edited are the files to change and their new text. The main file says it all; a file it includes, which wins when it
// comes first, is made to agree where it sets the same thing.
func (b *firstBoot) edited(main string) (map[string]string, error) {
	edited := map[string]string{}
	data, err := b.Files.ReadFile(main)
	if err != nil {
		return nil, err
	}
	text := string(data)
	for _, d := range b.directives() {
		text, _ = sshdconfig.Set(text, d[0], d[1])
	}
	if text != string(data) {
		edited[main] = text
	}
	for _, pattern := range sshdconfig.Includes(string(data), b.Config.OS.SSHDir) {
		for _, name := range b.Files.Glob(pattern) {
			if err := b.editDropIn(name, edited); err != nil {
				return nil, err
			}
		}
	}
	return edited, nil
}

func (b *firstBoot) editDropIn(name string, edited map[string]string) error {
	data, err := b.Files.ReadFile(name)
	if err != nil {
		return err
	}
	text := string(data)
	for _, d := range b.directives() {
		text, _ = sshdconfig.Replace(text, d[0], d[1])
	}
	if text != string(data) {
		edited[name] = text
	}
	return nil
}

// saveSSHD keeps the files as they are now.
func (b *firstBoot) saveSSHD(edited map[string]string) error {
	saved := map[string][]byte{}
	for name := range edited {
		data, err := b.Files.ReadFile(name)
		if err != nil {
			return err
		}
		saved[name] = data
	}
	data, err := json.Marshal(saved)
	if err != nil {
		return err
	}
	if err := b.Files.MkdirAll(path.Dir(b.lib(backupFile)), 0o700); err != nil {
		return err
	}
	return b.Files.WriteAtomic(b.lib(backupFile), data, 0o600)
}

// restoreSSHD puts back what was saved, if anything is.
func (b *firstBoot) restoreSSHD() error {
	data, err := b.Files.ReadFile(b.lib(backupFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var saved map[string][]byte
	if err == nil {
		err = json.Unmarshal(data, &saved)
	}
	if err != nil {
		b.Log.Warn("The saved sshd configuration cannot be read", "error", err)
		return b.Files.Remove(b.lib(backupFile))
	}
	for _, name := range slices.Sorted(maps.Keys(saved)) {
		if err := b.Files.Rewrite(name, saved[name], 0o644); err != nil {
			return err
		}
	}
	return b.Files.Remove(b.lib(backupFile))
}

// judgeSSHD asks sshd. A configuration that it refused before the edit as well is not ours to mend, nor to change.
func (b *firstBoot) judgeSSHD(ctx context.Context, main string) error {
	err := b.testSSHD(ctx, main)
	switch {
	case ctx.Err() != nil:
		return ctx.Err() // the next start restores and edits again
	case err == nil, errors.Is(err, exec.ErrNotFound):
		return b.Files.Remove(b.lib(backupFile))
	}
	if rerr := b.restoreSSHD(); rerr != nil {
		return errors.Join(err, rerr)
	}
	if before := b.testSSHD(ctx, main); before != nil {
		b.Log.Warn("sshd's configuration was refused before it was edited; it is left as it was", "error", before)
		return nil
	}
	return fmt.Errorf("sshd refuses its new configuration, the old one is back: %w", err)
}

// testSSHD runs sshd -t. Before sshd's first start its empty folder under /run may be missing, which it then names.
func (b *firstBoot) testSSHD(ctx context.Context, main string) error {
	check := machine.Command{Argv: []string{"sshd", "-t", "-f", main}}
	res, err := b.Machine.Run(ctx, check)
	missing := regexp.MustCompile(`privilege separation directory: (/\S+)`).FindSubmatch(res.Stderr)
	if err == nil || missing == nil {
		return err
	}
	if err := b.Files.MkdirAll(string(missing[1]), 0o755); err != nil {
		return err
	}
	_, err = b.Machine.Run(ctx, check)
	return err
}

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

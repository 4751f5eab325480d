package provision

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/waagent-go/waagent/agent/internal/provision/sshdconfig"
)

// configureSSHD sets what the DVD and the configuration say about sshd, lets sshd judge it, and has it read. What sshd
// refuses is put back.
func (b *firstBoot) configureSSHD(ctx context.Context) error {
	if err := b.restoreLeft(); err != nil { // a boot was cut off between edit and judgement
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

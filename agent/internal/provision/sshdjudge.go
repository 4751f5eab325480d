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

	"github.com/waagent-go/waagent/agent/machine"
)

// backupFile in Lib.Dir holds the files of sshd's configuration from before the edit until sshd has accepted it.
const backupFile = "state/sshd-backup.json"

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

// restoreLeft is for what a boot that was cut off has left. What cannot be put back, because its folder is gone, say, stops
// nothing: sshd judges what is there.
func (b *firstBoot) restoreLeft() error {
	err := b.restoreSSHD()
	if err == nil {
		return nil
	}
	b.Log.Warn("The saved sshd configuration cannot be put back", "error", err)
	return b.Files.Remove(b.lib(backupFile))
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

package provision

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/account"
	"github.com/waagent-go/waagent/agent/machine"
)

// keyDir makes the folder of a key file the user's own and nobody else's. Unlike the original it leaves the home itself,
// and folders that are not for SSH, as they are.
func (b *firstBoot) keyDir(owner account.Entry, dir string) error {
	_, err := b.Files.Stat(dir)
	fresh := errors.Is(err, fs.ErrNotExist)
	if !fresh && path.Base(dir) != ".ssh" {
		return err
	}
	if err := b.home(owner, dir); err != nil {
		return err
	}
	if err := b.Files.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := b.Files.Chmod(dir, 0o700); err != nil {
		return err
	}
	return b.Machine.Chown(dir, owner.UID, owner.GID)
}

// home makes a home that an existing account lacks, before a folder is made in it.
func (b *firstBoot) home(owner account.Entry, dir string) error {
	if !strings.HasPrefix(dir, owner.Home+"/") || b.Files.Exists(owner.Home) {
		return nil
	}
	if err := b.Files.MkdirAll(owner.Home, 0o700); err != nil {
		return err
	}
	return b.Machine.Chown(owner.Home, owner.UID, owner.GID)
}

// label gives a file the context that sshd may read where SELinux is on. Failing is not fatal: the policy may not know it.
func (b *firstBoot) label(ctx context.Context, file string) {
	res, err := b.Machine.Run(ctx, machine.Command{Argv: []string{"getenforce"}})
	if err != nil || strings.TrimSpace(string(res.Stdout)) == "Disabled" {
		return
	}
	_, err = b.Machine.Run(ctx, machine.Command{Argv: []string{"chcon", "unconfined_u:object_r:ssh_home_t:s0", file}})
	if err != nil {
		b.Log.Warn("A key file has no SELinux context", "file", file, "error", err)
	}
}

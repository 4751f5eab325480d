package images

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// vmMaker turns the tar of a root filesystem into a disk, a kernel and an initial RAM disk in dir.
type vmMaker struct {
	dir  string
	tree string
	as   []string // what makes a command root, or root of a user namespace
}

// rootCommand is nothing for root, and for others what maps them to root of a namespace of their own.
func rootCommand() []string {
	if os.Geteuid() == 0 {
		return nil
	}
	return []string{"unshare", "--map-root-user", "--map-auto"}
}

func (m vmMaker) make(ctx context.Context, tarball string) error {
	if err := m.run(ctx, "rm", "-rf", m.dir); err != nil { // of a killed run
		return err
	}
	if err := os.MkdirAll(m.tree, 0o755); err != nil {
		return err
	}
	// Device nodes cannot be made in a user namespace and are not needed: the kernel mounts its own /dev.
	if err := m.run(ctx, "tar", "-C", m.tree, "-xpf", tarball, "--exclude=./dev/*"); err != nil {
		return err
	}
	if err := m.adapt(); err != nil {
		return err
	}
	if err := m.kernel(ctx); err != nil {
		return err
	}
	disk := filepath.Join(m.dir, "disk.raw")
	if err := sparse(disk, vmDiskSize); err != nil {
		return err
	}
	if err := m.run(ctx, mke2fsArguments(m.tree, disk)...); err != nil {
		return err
	}
	return m.run(ctx, "rm", "-rf", m.tree)
}

// mke2fsArguments fill a filesystem from a tree. Lazy initialisation keeps the file sparse.
func mke2fsArguments(tree, disk string) []string {
	return []string{"mke2fs", "-q", "-F", "-t", "ext4", "-L", "root", "-m", "0",
		"-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", "-d", tree, disk}
}

// adapt writes what a machine has and a container has not.
func (m vmMaker) adapt() error {
	for name, f := range vmFiles() {
		path := filepath.Join(m.tree, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		os.Remove(path) // it may be a link into the tree's own /
		if err := os.WriteFile(path, []byte(f.data), f.mode); err != nil {
			return err
		}
		if err := os.Chmod(path, f.mode); err != nil {
			return err
		}
	}
	for _, unit := range vmMasked {
		path := filepath.Join(m.tree, "etc/systemd/system", unit)
		os.Remove(path)
		if err := os.Symlink("/dev/null", path); err != nil {
			return err
		}
	}
	return nil
}

// kernel takes the kernel out of the tree and makes the initial RAM disk for it.
func (m vmMaker) kernel(ctx context.Context) error {
	kernels, err := filepath.Glob(filepath.Join(m.tree, "boot/vmlinuz-*"))
	if err != nil || len(kernels) != 1 {
		return fmt.Errorf("want one kernel in boot, found %v", kernels)
	}
	version := strings.TrimPrefix(filepath.Base(kernels[0]), "vmlinuz-")
	initrd, err := makeInitrd(ctx, m.tree, version)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(m.dir, "initrd"), initrd, 0o644); err != nil {
		return err
	}
	if err := m.run(ctx, "cp", kernels[0], filepath.Join(m.dir, "vmlinuz")); err != nil {
		return err
	}
	return m.run(ctx, "chmod", "0644", filepath.Join(m.dir, "vmlinuz"))
}

func (m vmMaker) run(ctx context.Context, argv ...string) error {
	argv = append(append([]string(nil), m.as...), argv...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// sparse makes an empty file of the given size.
func sparse(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, fs.FileMode(0o644))
	if err != nil {
		return err
	}
	if err := f.Truncate(size); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

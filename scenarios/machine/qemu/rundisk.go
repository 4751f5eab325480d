package qemu

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

//go:embed setup.sh
var setupScript []byte

// helperUnit starts the helper as soon as the guest's filesystems are as they stay. The agent's unit comes later.
// Earlier still, before anything that a waiting VM holds up, its port may not be there yet: then it tries again.
const helperUnit = `[Unit]
Description=Hand of the scenario runner
DefaultDependencies=no
After=%s
StartLimitIntervalSec=0
Conflicts=shutdown.target
Before=shutdown.target basic.target

[Service]
ExecStart=/run/waagent-run/guest-helper%s
Restart=always
RestartSec=500ms
`

// runFiles are the guest's files: what the caller wants there, and the helper's unit.
func (d Driver) runFiles(s Spec) []File {
	args, after := "", "sysinit.target"
	if s.Waits {
		after = "systemd-udev-trigger.service"
	}
	if len(d.HelperArgs) > 0 {
		args = " " + strings.Join(d.HelperArgs, " ")
	}
	const unit = "/etc/systemd/system/guest-helper.service"
	return append([]File{
		{Path: "/guest-helper", Mode: 0o755, Source: d.Helper},
		{Path: "/setup", Mode: 0o755, Data: setupScript},
		{Path: "/root" + unit, Mode: 0o644, Data: fmt.Appendf(nil, helperUnit, after, args)},
		{Path: "/root/etc/systemd/system/basic.target.wants/guest-helper.service", Link: unit},
	}, below("/root", s.Files)...)
}

func below(dir string, files []File) []File {
	moved := make([]File, len(files))
	for i, f := range files {
		f.Path = dir + f.Path
		moved[i] = f
	}
	return moved
}

// makeRunDisk makes the disk labelled waagent-run: a small ext4 filesystem with these files.
func makeRunDisk(ctx context.Context, path string, files []File) error {
	tree := path + ".tree"
	defer os.RemoveAll(tree)
	var size int64
	for _, f := range files {
		n, err := place(filepath.Join(tree, f.Path), f)
		if err != nil {
			return fmt.Errorf("make the run disk: %w", err)
		}
		size += n + 8<<10
	}
	disk, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := disk.Truncate(size + size/8 + 4<<20); err != nil {
		return err
	}
	if err := disk.Close(); err != nil {
		return err
	}
	return command(ctx, "mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-L", "waagent-run", "-O", "^has_journal", "-m", "0",
		"-E", "root_owner=0:0,nodiscard", "-d", tree, path)
}

// place puts one file into the tree and tells its size.
func place(path string, f File) (int64, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return 0, err
	}
	if f.Link != "" {
		return 0, os.Symlink(f.Link, path)
	}
	if f.Source == "" {
		if err := os.WriteFile(path, f.Data, f.Mode); err != nil {
			return 0, err
		}
		return int64(len(f.Data)), os.Chmod(path, f.Mode)
	}
	return copyFile(path, f.Source, f.Mode)
}

func copyFile(path, source string, mode fs.FileMode) (int64, error) {
	in, err := os.Open(source)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, mode)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(out, in)
	if err1 := out.Chmod(mode); err == nil {
		err = err1
	}
	if err1 := out.Close(); err == nil {
		err = err1
	}
	return n, err
}

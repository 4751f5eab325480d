package container

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// node is how the guest's start script is told of the device: MAJOR:MINOR:NAME.
func (l loop) node() (string, error) {
	if l.device == "" {
		return "-", nil
	}
	var st unix.Stat_t
	if err := unix.Stat(l.device, &st); err != nil {
		return "", fmt.Errorf("stat %s: %w", l.device, err)
	}
	return fmt.Sprintf("%d:%d:%s", unix.Major(st.Rdev), unix.Minor(st.Rdev), filepath.Base(l.device)), nil
}

// change makes the device show another file's content. The kernel exchanges the file itself for one of the same size
// only, so the content goes into the old one, and what was read of it before is forgotten.
func (l loop) change(ctx context.Context, path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	out, err := losetup(ctx, "--noheadings", "--output", "BACK-FILE", l.device)
	if err != nil {
		return err
	}
	if err := os.WriteFile(strings.TrimSpace(string(out)), data, 0o600); err != nil {
		return err
	}
	if _, err := losetup(ctx, "--set-capacity", l.device); err != nil {
		return err
	}
	device, err := os.Open(l.device)
	if err != nil {
		return err
	}
	defer device.Close()
	if _, err := unix.IoctlRetInt(int(device.Fd()), unix.BLKFLSBUF); err != nil {
		return fmt.Errorf("forget what was read of %s: %w", l.device, err)
	}
	return nil
}

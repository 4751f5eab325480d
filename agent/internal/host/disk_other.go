//go:build !linux

package host

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// SectorSize is the logical sector size of the disk.
func (d Disks) SectorSize(*os.File) int { return 512 }

// Lock does nothing: nobody probes disks here.
func (d Disks) Lock(context.Context, *os.File) error { return nil }

// Exclusive does nothing: the kernel refuses to write to what is mounted.
func (d Disks) Exclusive(string) error { return nil }

// Reread does nothing: the kernel tastes a disk when its writer closes it.
func (d Disks) Reread(context.Context, *os.File, []Extent) error { return nil }

// Tell does nothing: what the kernel tastes it knows.
func (d Disks) Tell(*os.File, []Extent) error { return nil }

// Await returns once there is something at path.
func (d Disks) Await(ctx context.Context, path string) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for !d.Files.Exists(path) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// FreeSpace is what an unprivileged process may still write to the filesystem at path, in bytes.
func (d Disks) FreeSpace(path string) (int64, error) {
	name, err := d.Files.Follow(path)
	if err != nil {
		return 0, err
	}
	var st unix.Statfs_t
	if err := unix.Statfs(name, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// Allocate is not to be had here.
func (d Disks) Allocate(*os.File, int64) error { return errors.ErrUnsupported }

// NoCopyOnWrite is not to be had here.
func (d Disks) NoCopyOnWrite(*os.File) error { return errors.ErrUnsupported }

// Release is the running kernel's release.
func (m *Machine) Release() string {
	release, err := unix.Sysctl("kern.osrelease")
	if err != nil {
		return ""
	}
	return release
}

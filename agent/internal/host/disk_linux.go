package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// SectorSize is the logical sector size of the disk.
func (d Disks) SectorSize(f *os.File) int {
	n, err := unix.IoctlGetInt(int(f.Fd()), unix.BLKSSZGET)
	if err != nil || n < 512 {
		return 512
	}
	return n
}

// Lock keeps udev from probing the disk and rereading its table until f is closed (systemd's block device locking).
func (d Disks) Lock(ctx context.Context, f *os.File) error {
	return retry(ctx, func() error {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			return fmt.Errorf("lock %s: %w", f.Name(), ErrInUse)
		}
		return err
	})
}

// Exclusive reports ErrInUse when the device is mounted, swapped on, or part of a mapped device.
func (d Disks) Exclusive(device string) error {
	path, err := d.Files.Follow(device)
	if err != nil {
		return err
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_EXCL|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("%s: %w", device, ErrInUse)
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", device, err)
	}
	return unix.Close(fd)
}

// Reread makes the kernel take over the partition table that was written: parts is what it says.
func (d Disks) Reread(ctx context.Context, f *os.File, parts []Extent) error {
	err := retry(ctx, func() error {
		err := unix.IoctlSetInt(int(f.Fd()), unix.BLKRRPART, 0)
		if errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("reread partitions of %s: %w", f.Name(), ErrInUse)
		}
		return err
	})
	switch {
	case errors.Is(err, unix.ENOTTY):
		return nil // a regular file
	case errors.Is(err, unix.EINVAL): // a loop device without a partition scan
		for n := range 16 {
			_ = blkpg(f, unix.BLKPG_DEL_PARTITION, Extent{Number: n + 1}) // most are not there
		}
	case err != nil:
		return err
	}
	return d.Tell(f, parts)
}

// Tell makes partitions known to a kernel that does not know them: some are built without code for one table or the
// other, and some devices are never scanned.
func (d Disks) Tell(f *os.File, parts []Extent) error {
	for _, p := range parts {
		err := blkpg(f, unix.BLKPG_ADD_PARTITION, p)
		switch {
		case errors.Is(err, unix.EBUSY): // is there
		case errors.Is(err, unix.ENOTTY): // a regular file
		case err != nil:
			return fmt.Errorf("add partition %d of %s: %w", p.Number, f.Name(), err)
		}
	}
	return nil
}

func blkpg(f *os.File, op int32, e Extent) error {
	part := unix.BlkpgPartition{Start: e.Start, Length: e.Length, Pno: int32(e.Number)}
	arg := unix.BlkpgIoctlArg{Op: op, Datalen: int32(unsafe.Sizeof(part)), Data: (*byte)(unsafe.Pointer(&part))}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), unix.BLKPG, uintptr(unsafe.Pointer(&arg)))
	if errno != 0 {
		return errno
	}
	return nil
}

// Await returns once there is something at path, told by the kernel and not by asking again and again. A link is
// watched where it leads to.
func (d Disks) Await(ctx context.Context, path string) error {
	name, err := d.Files.Follow(path)
	if err != nil {
		return err
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return fmt.Errorf("wait for %s: %w", path, err)
	}
	events := os.NewFile(uintptr(fd), "inotify") // non-blocking: reads are woken by Close
	defer events.Close()
	if _, err := unix.InotifyAddWatch(fd, filepath.Dir(name), unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_ATTRIB); err != nil {
		return fmt.Errorf("wait for %s: %w", path, err)
	}
	stop := context.AfterFunc(ctx, func() { events.Close() })
	defer stop()
	buf := make([]byte, 4096)
	for {
		if _, err := os.Stat(name); err == nil {
			return nil
		}
		if _, err := events.Read(buf); err != nil {
			return fmt.Errorf("wait for %s: %w", path, errors.Join(ctx.Err(), err))
		}
	}
}

// FreeSpace is what an unprivileged process may still write to the filesystem at path, in bytes.
func (d Disks) FreeSpace(path string) (int64, error) {
	name, err := d.Files.Follow(path)
	if err != nil {
		return 0, err
	}
	var st unix.Statfs_t
	if err := unix.Statfs(name, &st); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", path, err)
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// Allocate gives f its blocks without writing them. errors.ErrUnsupported is for filesystems that cannot.
func (d Disks) Allocate(f *os.File, size int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return fmt.Errorf("allocate %s: %w", f.Name(), errors.ErrUnsupported)
	}
	return err
}

// fsNoCOW is FS_NOCOW_FL of linux/fs.h.
const fsNoCOW = 0x00800000

// NoCopyOnWrite marks an empty file of btrfs so that it is written in place, as swapping needs.
func (d Disks) NoCopyOnWrite(f *os.File) error {
	flags, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		return fmt.Errorf("flags of %s: %w", f.Name(), err)
	}
	if err := unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, int(flags|fsNoCOW)); err != nil {
		return fmt.Errorf("set no-copy-on-write on %s: %w", f.Name(), err)
	}
	return nil
}

// Release is the running kernel's release, "6.1.0-21-cloud-amd64".
func (m *Machine) Release() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

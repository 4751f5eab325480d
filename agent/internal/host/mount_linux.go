package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/waagent-go/waagent/agent/machine"
)

// usualTypes are tried last where no type is named: the kernel lists only those whose module is loaded, and loads the
// others when they are asked for.
var usualTypes = []string{"ext4", "xfs", "btrfs", "udf", "iso9660", "vfat"}

// Mount mounts source at target. fstype may list several types, "udf,iso9660", which are tried in order; "" tries
// what the kernel knows. Read-only media are mounted read-only, as mount(8) does.
func (m *Machine) Mount(ctx context.Context, source, target, fstype, options string) error {
	dir, err := m.files.Follow(target)
	if err != nil {
		return err
	}
	types := m.knownTypes()
	if fstype != "" {
		types = strings.Split(fstype, ",")
	}
	flags, data := mountOptions(options)
	if flags&(unix.MS_BIND|unix.MS_REMOUNT) != 0 {
		types = []string{""}
	}
	var tried []error
	for _, t := range types {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := mountOne(source, dir, t, flags, data)
		if err == nil {
			return nil
		}
		tried = append(tried, fmt.Errorf("as %s: %w", t, err))
		if !wrongType(err) {
			break
		}
	}
	if fstype == "" && len(tried) > 1 {
		tried = tried[len(tried)-1:] // a dozen types that all say "invalid argument" explain nothing
	}
	return fmt.Errorf("mount %s at %s: %w", source, target, errors.Join(tried...))
}

func mountOne(source, dir, fstype string, flags uintptr, data string) error {
	err := unix.Mount(source, dir, fstype, flags, data)
	readOnly := errors.Is(err, unix.EROFS) || errors.Is(err, unix.EACCES)
	if readOnly && flags&unix.MS_RDONLY == 0 {
		return unix.Mount(source, dir, fstype, flags|unix.MS_RDONLY, data)
	}
	return err
}

// wrongType tells errors that another type may cure. Not every filesystem says EINVAL for what is not its own.
func wrongType(err error) bool {
	var no unix.Errno
	if !errors.As(err, &no) {
		return false
	}
	return slices.Contains([]unix.Errno{unix.EINVAL, unix.ENODEV, unix.EIO, unix.EUCLEAN, unix.EBADMSG}, no)
}

// Mounts lists what is mounted.
func (m *Machine) Mounts() ([]machine.Mount, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	all, err := parseMountinfo(string(text))
	return m.files.below(all), err
}

// knownTypes are the kernel's filesystems that live on devices, then the usual ones.
func (m *Machine) knownTypes() []string {
	var types []string
	text, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return usualTypes
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 1 {
			types = append(types, f[0])
		}
	}
	for _, t := range usualTypes {
		if !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	return types
}

// Damaged reports whether a mount that failed with err failed because of what is on the device, and not because the
// kernel lacks the filesystem, the device is busy, or the caller may not.
func Damaged(err error) bool {
	return err != nil && wrongType(err) && !errors.Is(err, unix.ENODEV)
}

//go:build freebsd || darwin

package host

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/waagent-go/waagent/agent/machine"
)

// Mount mounts source at target by mount(8), which knows the helpers the system's filesystems need.
func (m *Machine) Mount(ctx context.Context, source, target, fstype, options string) error {
	dir, err := m.files.Follow(target)
	if err != nil {
		return err
	}
	if fstype == "" {
		fstype = "ufs,udf,cd9660,msdosfs"
	}
	for t := range strings.SplitSeq(fstype, ",") {
		argv := []string{"mount", "-t", t}
		if options != "" {
			argv = append(argv, "-o", options)
		}
		if _, err = m.Run(ctx, machine.Command{Argv: append(argv, source, dir)}); err == nil {
			return nil
		}
	}
	return fmt.Errorf("mount %s at %s: %w", source, target, err)
}

// Mounts lists what is mounted.
func (m *Machine) Mounts() ([]machine.Mount, error) {
	n, err := unix.Getfsstat(nil, unix.MNT_NOWAIT)
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	stats := make([]unix.Statfs_t, n+8)
	if n, err = unix.Getfsstat(stats, unix.MNT_NOWAIT); err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	var all []machine.Mount
	for _, s := range stats[:n] {
		options := "rw"
		if s.Flags&unix.MNT_RDONLY != 0 {
			options = "ro"
		}
		all = append(all, machine.Mount{
			Source: unix.ByteSliceToString(s.Mntfromname[:]), Target: unix.ByteSliceToString(s.Mntonname[:]),
			Type: unix.ByteSliceToString(s.Fstypename[:]), Options: options,
		})
	}
	return m.files.below(all), nil
}

func setHostname(name string) error {
	_, err := New("/", nil).Run(context.Background(), machine.Command{Argv: []string{"hostname", name}})
	return err
}

// bootID is the time of the boot, which no two boots share.
func bootID() string {
	tv, err := unix.SysctlTimeval("kern.boottime")
	if err != nil {
		return ""
	}
	return strconv.FormatInt(tv.Sec, 10)
}

func uptime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// Damaged reports whether a mount that failed with err failed because of what is on the device.
func Damaged(err error) bool {
	var exit *machine.ExitError
	return errors.As(err, &exit)
}

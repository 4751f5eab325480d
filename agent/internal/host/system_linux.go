package host

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// linux/cdrom.h; x/sys has no names for them.
const (
	cdromEject    = 0x5309
	cdromLockDoor = 0x5329
)

// Eject opens the tray of an optical drive; a device that has none is errors.ErrUnsupported. The door is unlocked first: udev locks it while a medium is in.
func (m *Machine) Eject(device string) error {
	path, err := m.files.Follow(device)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // non-blocking: also opens without a medium
	if err != nil {
		return fmt.Errorf("eject: %w", err)
	}
	defer f.Close()
	_ = unix.IoctlSetInt(int(f.Fd()), cdromLockDoor, 0) // a drive without a lock says no, and ejects
	err = unix.IoctlSetInt(int(f.Fd()), cdromEject, 0)
	if errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EINVAL) { // a loop device says the second
		err = fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	if err != nil {
		return fmt.Errorf("eject %s: %w", device, err)
	}
	return nil
}

func setHostname(name string) error {
	if err := unix.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("set host name %s: %w", name, err)
	}
	return nil
}

func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

func uptime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

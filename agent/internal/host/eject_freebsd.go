package host

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// sys/cdio.h: _IO('c', 24) and _IO('c', 28); x/sys has no names for them.
const (
	cdiocEject = 0x20006318
	cdiocAllow = 0x2000631c
)

// Eject opens the tray of an optical drive, unlocked first.
func (m *Machine) Eject(device string) error {
	f, err := os.OpenFile(device, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("eject: %w", err)
	}
	defer f.Close()
	_ = unix.IoctlSetInt(int(f.Fd()), cdiocAllow, 0)
	if err := unix.IoctlSetInt(int(f.Fd()), cdiocEject, 0); err != nil {
		return fmt.Errorf("eject %s: %w", device, err)
	}
	return nil
}

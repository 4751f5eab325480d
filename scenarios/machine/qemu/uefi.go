package qemu

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrNoUEFI says that no Gen2 guest can be booted here.
var ErrNoUEFI = errors.New("no UEFI firmware is installed (on Debian: ovmf, qemu-efi-aarch64)")

// firmware is what is installed of the firmware for a processor: the code and the memory it starts with; nil: nothing.
func (a architecture) firmware() *[2]string {
	for _, f := range a.uefi {
		if _, err := os.Stat(f[0]); err == nil {
			return &f
		}
	}
	return nil
}

// uefi puts firmware into a guest's folder: the code, and memory of its own to write to.
func uefi(dir string, a architecture) error {
	f := a.firmware()
	if f == nil {
		return ErrNoUEFI
	}
	for i, name := range []string{"firmware.fd", "nvram.fd"} {
		if _, err := copyFile(filepath.Join(dir, name), f[i], 0o600); err != nil {
			return fmt.Errorf("take UEFI firmware: %w", err)
		}
	}
	return nil
}

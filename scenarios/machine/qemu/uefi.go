package qemu

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// ErrNoUEFI says that no Gen2 guest can be booted here.
var ErrNoUEFI = errors.New("no UEFI firmware is installed (on Debian: ovmf, qemu-efi-aarch64)")

// uefi puts firmware into a guest's folder: the code, and memory of its own to write to.
func uefi(dir string, a architecture) error {
	for _, f := range a.uefi {
		_, err := copyFile(filepath.Join(dir, "firmware.fd"), f[0], 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			_, err = copyFile(filepath.Join(dir, "nvram.fd"), f[1], 0o600)
		}
		if err != nil {
			return fmt.Errorf("take UEFI firmware: %w", err)
		}
		return nil
	}
	return ErrNoUEFI
}

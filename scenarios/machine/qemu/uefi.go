package qemu

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// uefiFiles are where distributions keep firmware of the same kind: code, and the memory it starts with.
var uefiFiles = [][2]string{
	{"/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"},
	{"/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"},
	{"/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"},
}

// ErrNoUEFI says that no Gen2 guest can be booted here.
var ErrNoUEFI = errors.New("no UEFI firmware is installed (on Debian: ovmf)")

// uefi puts firmware into a guest's folder: the code, and memory of its own to write to.
func uefi(dir string) error {
	for _, f := range uefiFiles {
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

package host

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives path the owner that info describes; a rewritten file stays whose it was.
func keepOwner(path string, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return os.Lchown(path, int(st.Uid), int(st.Gid))
}

// isBusy reports whether a file could not be replaced because it is a mount point.
func isBusy(err error) bool { return errors.Is(err, syscall.EBUSY) }

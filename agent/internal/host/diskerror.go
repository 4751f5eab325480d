package host

import (
	"errors"
	"slices"
	"syscall"
)

// IsDiskError says that the trouble is the machine's disk or memory, not what was to be written.
func IsDiskError(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && (errno == remoteIO || slices.Contains(diskErrors, errno))
}

var diskErrors = []syscall.Errno{
	syscall.EIO, syscall.ENOMEM, syscall.ENFILE, syscall.EMFILE, syscall.ENOSPC, syscall.ENAMETOOLONG, syscall.ELOOP,
}

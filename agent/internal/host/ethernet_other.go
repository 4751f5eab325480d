//go:build !linux

package host

import (
	"errors"
	"os"
)

// OpenEthernet is not there: other systems are asked through an ordinary socket.
func OpenEthernet(int) (*os.File, error) { return nil, errors.ErrUnsupported }

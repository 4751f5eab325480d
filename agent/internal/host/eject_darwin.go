package host

import (
	"errors"
	"fmt"
)

// Eject is not there: macOS runs the fabric and a playing agent, and no agent of a VM.
func (m *Machine) Eject(device string) error {
	return fmt.Errorf("eject %s: %w", device, errors.ErrUnsupported)
}

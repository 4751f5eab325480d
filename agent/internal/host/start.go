package host

import (
	"fmt"
	"os/exec"
	"syscall"
)

// Start starts a program in a session of its own, with nothing to read and its output thrown away, and does not wait
// for it.
func (m *Machine) Start(argv []string) error {
	path, err := lookPath(argv[0])
	if err != nil {
		return fmt.Errorf("start %s: %w", argv[0], err)
	}
	cmd := exec.Command(path, argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", argv[0], err)
	}
	go func() { _ = cmd.Wait() }() // no zombie; how it ends is nobody's concern here
	return nil
}

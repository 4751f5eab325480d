package host

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/waagent-go/waagent/agent/machine"
)

// Machine is the machine this code runs on. With a root other than "/" its files are those below the root; the
// programs it runs are always the running system's, and what can only be asked of the running kernel is refused.
type Machine struct {
	files   Files
	log     *slog.Logger
	parents parents
}

var _ machine.Machine = (*Machine)(nil)

// New is the machine whose files lie below root.
func New(root string, log *slog.Logger) *Machine {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Machine{files: Files{Root: root}, log: log}
}

// Files are the machine's files.
func (m *Machine) Files() Files { return m.files }

// Chown changes the owner of path; links are not followed.
func (m *Machine) Chown(path string, uid, gid int) error {
	name, err := m.files.Path(path)
	if err != nil {
		return err
	}
	return os.Lchown(name, uid, gid)
}

// Hostname is the kernel's host name.
func (m *Machine) Hostname() (string, error) { return os.Hostname() }

// SetHostname sets the kernel's host name until the next boot; files are hostname's concern.
func (m *Machine) SetHostname(name string) error {
	if m.files.Root != "/" {
		return fmt.Errorf("set host name %s: %s is not the running system", name, m.files.Root)
	}
	return setHostname(name)
}

// BootID identifies this boot; "" where nothing does.
func (m *Machine) BootID() string { return bootID() }

// Uptime is the time since the machine was started, time asleep included.
func (m *Machine) Uptime() time.Duration { return uptime() }

// Unmount detaches the filesystem at target.
func (m *Machine) Unmount(_ context.Context, target string) error {
	dir, err := m.files.Follow(target)
	if err != nil {
		return err
	}
	if err := unix.Unmount(dir, 0); err != nil {
		return fmt.Errorf("unmount %s: %w", target, err)
	}
	return nil
}

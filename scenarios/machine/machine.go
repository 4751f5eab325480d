// Package machine is a guest as scenario scripts see it: something that was booted into a fabric and can be asked
// questions. The drivers loopback, container and qemu implement it and face the same contract suite (machinetest).
package machine

import (
	"context"
	"errors"
	"io/fs"
	"net"
)

// ErrUnsupported is wrapped by a driver that cannot do what was asked (reboot a container, dial a loopback guest).
var ErrUnsupported = errors.New("not supported by this driver")

// Command is a program to run in the guest, as an argument list.
type Command struct {
	Argv  []string
	User  string // "" is root
	Stdin []byte
}

// Result is what the program left. A program that fails is a Result with its exit code, not an error.
type Result struct {
	Stdout, Stderr []byte
	ExitCode       int
}

// Machine is one booted guest. Every method honours its context.
type Machine interface {
	// Exec runs a program as the given user and waits for it.
	Exec(ctx context.Context, c Command) (Result, error)
	// ReadFile answers fs.ErrNotExist for what is not there.
	ReadFile(ctx context.Context, path string) ([]byte, error)
	WriteFile(ctx context.Context, path string, data []byte, mode fs.FileMode) error
	// Dial connects to a TCP port of the guest from the fabric's side of its network.
	Dial(ctx context.Context, port int) (net.Conn, error)
	// Reboot restarts the guest and returns once it answers again.
	Reboot(ctx context.Context) error
	// Console is all that the guest has written to its console so far.
	Console() []byte
	// Close destroys the guest and everything that was created for it.
	Close(ctx context.Context) error
}

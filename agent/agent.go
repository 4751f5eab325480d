// Package agent is the guest agent. Run is its only door: a command line in, an exit code out. Everything it needs of
// the world stands in Options, so the same code is the daemon on a VM and a flow in a test.
package agent

import (
	"context"
	"io"
	"net"

	"github.com/waagent-go/waagent/agent/machine"
)

// Options is all that package agent takes from its caller. Dial, Machine and Spawn have no default here: only
// cmd/waagent supplies the real ones, so a test that forgets one fails instead of reaching a real fabric or changing
// the machine it runs on.
type Options struct {
	Args           []string // after argv[0], in the original's grammar
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Root           string // "/" on a VM
	// Dial makes every connection to the fabric and to storage.
	Dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	Machine machine.Machine
	// Spawn starts the goal-state process with o's Args.
	Spawn func(ctx context.Context, o Options) (machine.Process, error)
	// Failpoint is nil in production; tests are told of every state write, rename, command and request before it
	// happens, and an error stands for the process dying there.
	Failpoint func(name string) error
}

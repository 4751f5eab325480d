// Package machine is what the agent asks of the machine it runs on, as an interface, so that the daemon, a container
// test and an in-process test hand the agent different machines. It holds no implementation: the real one is
// agent/internal/host, reached through agent.Host.
package machine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// DefaultTimeout bounds a Command that names none.
const DefaultTimeout = 5 * time.Minute

// Command is a program to run, as an argument list; no shell ever sees it. Secrets go through Stdin, never Argv.
type Command struct {
	Argv    []string
	Stdin   []byte
	Env     []string // KEY=value, added to the agent's own environment
	Dir     string
	Timeout time.Duration // 0: DefaultTimeout
}

// Result is what a finished program left. It is filled as far as possible on errors too.
type Result struct {
	Stdout, Stderr []byte
	ExitCode       int // 128+n is never used: death by signal n is -n
}

// ExitError is a program that ran and said no.
type ExitError struct {
	Argv   []string // never holds a secret, see Command
	Code   int
	Stderr string // bounded
}

func (e *ExitError) Error() string {
	s := fmt.Sprintf("%s: exit code %d", strings.Join(e.Argv, " "), e.Code)
	if e.Stderr != "" {
		s += ": " + e.Stderr
	}
	return s
}

// Mount is one line of /proc/self/mountinfo, or its equivalent.
type Mount struct {
	Source, Target, Type, Options string
}

// HandlerCommand is the contract's one shell command line: `/bin/sh -c <base dir>/<command>` of a VM extension, or
// CustomData that asked to be executed. Line is built from a package's manifest and a path, never from settings.
type HandlerCommand struct {
	Line    string   // passed to /bin/sh -c; "" starts nothing: an earlier one is picked up, or ErrNoCommand returned
	Dir     string   // absolute
	Env     []string // KEY=value; the agent's own environment is overlaid on it and wins, as extensions expect
	Stdout  string   // absolute path of a real file; created 0600
	Stderr  string
	Record  string        // absolute path of the record file (JSON): start at once, end when it is over
	Timeout time.Duration // SIGKILL to the whole process group afterwards
	// Repeated says that the command is run again after a start of the machine whatever became of it: its end is not
	// brought to disk, and may be forgotten with the machine.
	Repeated bool
}

// ErrNoCommand answers a HandlerCommand without a Line when nothing is on record, or only what the machine's death cut
// off.
var ErrNoCommand = errors.New("no such command is running or on record")

// CommandEnd is how a handler command ended.
type CommandEnd struct {
	ExitCode int // death by signal n is -n
	TimedOut bool
	Took     time.Duration
}

// Process is something started that can be waited for.
type Process interface {
	Pid() int
	// Wait returns the exit code (-n for signal n) once the process is over, or ctx's error, leaving it running.
	Wait(ctx context.Context) (int, error)
	// Signal asks the process to stop (SIGTERM); kill forces it.
	Signal(kill bool) error
}

// Machine is the machine as the agent sees it. Paths are those of the guest ("/etc/hostname"): an implementation with
// a root joins them itself. Every method is safe for concurrent use.
type Machine interface {
	// Run runs a program to its end. The error is an *ExitError when it ran and failed, and wraps
	// exec.ErrNotFound when there is no such program.
	Run(ctx context.Context, c Command) (Result, error)
	// Has reports whether a program is installed.
	Has(program string) bool

	// RunHandler starts c, or picks up the one that c.Record says was started in this boot by an earlier agent, and
	// waits for its end. A recorded end is returned at once and nothing is run. When ctx ends first the command
	// keeps running and ctx's error is returned: the next agent picks it up.
	RunHandler(ctx context.Context, c HandlerCommand) (CommandEnd, error)

	// Chown changes the owner of path; links are not followed.
	Chown(path string, uid, gid int) error
	// Mount mounts source at target. fstype "" lets the kernel's list of known filesystems be tried in order.
	Mount(ctx context.Context, source, target, fstype, options string) error
	Unmount(ctx context.Context, target string) error
	Mounts() ([]Mount, error)
	// Eject opens the tray of an optical drive by ioctl, without any program.
	Eject(device string) error

	// Hostname is the kernel's host name.
	Hostname() (string, error)
	SetHostname(name string) error
	// BootID identifies this boot: /proc/sys/kernel/random/boot_id.
	BootID() string
	// Uptime is the time since the machine was started.
	Uptime() time.Duration
}

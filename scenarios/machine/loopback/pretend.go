package loopback

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/waagent-go/waagent/agent/machine"
)

// pretend is the machine a loopback guest runs on: a folder for a root, and programs that leave in it what the real
// ones would. It runs nothing but handler commands, which are the contract and real /bin/sh.
type pretend struct {
	root     string
	handlers machine.Machine // runs handler commands, for real
	log      *slog.Logger
	started  time.Time

	mu       sync.Mutex
	hostname string
	mounts   []machine.Mount
	owners   map[string][2]int
	ran      [][]string
	ejected  []string
}

func newPretend(root string, handlers machine.Machine, log *slog.Logger) *pretend {
	return &pretend{
		root: root, handlers: handlers, log: log, started: time.Now(), hostname: "localhost",
		owners: map[string][2]int{},
	}
}

// program answers a command line as the program would and leaves what it would leave in the root.
type program func(p *pretend, c machine.Command) (machine.Result, error)

// programs are those an agent may ask for while it provisions and runs extensions. Whatever is not here is not
// installed on a loopback machine.
var programs = map[string]program{
	"useradd": useradd, "userdel": userdel, "usermod": done, "chpasswd": chpasswd, "getent": getent, "passwd": done,
	"hostname": hostname, "hostnamectl": hostname, "ssh-keygen": sshKeygen, "sshd": done, "sudo": done, "systemctl": systemctl,
	"service": service, "chcon": done, "systemd-detect-virt": done,
}

func done(*pretend, machine.Command) (machine.Result, error) { return machine.Result{}, nil }

func (p *pretend) Run(ctx context.Context, c machine.Command) (machine.Result, error) {
	if err := ctx.Err(); err != nil {
		return machine.Result{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ran = append(p.ran, slices.Clone(c.Argv))
	run, ok := programs[filepath.Base(c.Argv[0])]
	if !ok {
		return machine.Result{}, fmt.Errorf("%s: %w", c.Argv[0], exec.ErrNotFound)
	}
	r, err := run(p, c)
	if err == nil && r.ExitCode != 0 {
		err = &machine.ExitError{Argv: c.Argv, Code: r.ExitCode, Stderr: string(bytes.TrimSpace(r.Stderr))}
	}
	return r, err
}

func (p *pretend) Has(name string) bool { _, ok := programs[filepath.Base(name)]; return ok }

func (p *pretend) RunHandler(ctx context.Context, c machine.HandlerCommand) (machine.CommandEnd, error) {
	return p.handlers.RunHandler(ctx, c)
}

func (p *pretend) Chown(path string, uid, gid int) error {
	if _, err := os.Lstat(filepath.Join(p.root, path)); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.owners[path] = [2]int{uid, gid}
	return nil
}

// errNoKernel is what mounting comes to: the agent reads the DVD itself here, as it does where udf is blacklisted.
var errNoKernel = errors.New("a loopback machine has no kernel of its own to mount with")

func (p *pretend) Mount(context.Context, string, string, string, string) error { return errNoKernel }
func (p *pretend) Unmount(context.Context, string) error                       { return errNoKernel }

func (p *pretend) Mounts() ([]machine.Mount, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.mounts), nil
}

func (p *pretend) Eject(device string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ejected = append(p.ejected, device)
	return os.WriteFile(filepath.Join(p.root, device), nil, 0o644) // an open tray reads as no medium
}

func (p *pretend) Hostname() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hostname, nil
}

func (p *pretend) SetHostname(name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hostname = name
	return nil
}

func (p *pretend) BootID() string        { return "00000000-1000-4000-8000-000000000001" }
func (p *pretend) Uptime() time.Duration { return time.Since(p.started) }

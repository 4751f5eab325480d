package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/moby/moby/client"

	"github.com/waagent-go/waagent/scenarios/machine"
)

// Guest is a booted container.
type Guest struct {
	driver  *Driver
	id      string
	address netip.Addr
	loops   []loop
	dvd     loop

	mu      sync.Mutex
	console []byte // the last of it, once closed
	closed  bool
}

var _ machine.Machine = (*Guest)(nil)

// Address is the guest's address on the fabric's network.
func (g *Guest) Address() netip.Addr { return g.address }

// ID is the engine's name for the container, for people who want to look around.
func (g *Guest) ID() string { return g.id }

// Exec runs a program as the given user and waits for it.
func (g *Guest) Exec(ctx context.Context, c machine.Command) (machine.Result, error) {
	if len(c.Argv) == 0 {
		return machine.Result{}, errors.New("run: no program named")
	}
	return execute(ctx, g.driver.engine, g.id, client.ExecCreateOptions{User: c.User, Cmd: c.Argv}, c.Stdin)
}

func (g *Guest) run(ctx context.Context, argv ...string) (machine.Result, error) {
	return g.Exec(ctx, machine.Command{Argv: argv})
}

// ReadFile answers fs.ErrNotExist for what is not there.
func (g *Guest) ReadFile(ctx context.Context, path string) ([]byte, error) {
	r, err := g.run(ctx, "cat", "--", path)
	if err != nil {
		return nil, err
	}
	if r.ExitCode == 0 {
		return r.Stdout, nil
	}
	there, err := g.run(ctx, "test", "-e", path)
	if err != nil {
		return nil, err
	}
	if there.ExitCode != 0 {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fs.ErrNotExist}
	}
	return nil, fmt.Errorf("read %s: %s", path, r.Stderr)
}

// WriteFile creates the file and the folders above it.
func (g *Guest) WriteFile(ctx context.Context, path string, data []byte, mode fs.FileMode) error {
	if data == nil {
		data = []byte{}
	}
	argv := []string{"install", "-D", "-m", strconv.FormatUint(uint64(mode.Perm()), 8), "/dev/stdin", path}
	r, err := g.Exec(ctx, machine.Command{Argv: argv, Stdin: data})
	if err == nil && r.ExitCode != 0 {
		err = fmt.Errorf("write %s: %s", path, r.Stderr)
	}
	return err
}

// Dial connects to a TCP port of the guest from the fabric, since the host has no way to it.
func (g *Guest) Dial(ctx context.Context, port int) (net.Conn, error) {
	if g.driver.fabric == nil {
		return nil, fmt.Errorf("dial port %d: no fabric to dial from: %w", port, machine.ErrUnsupported)
	}
	return g.driver.fabric.control.Dial(ctx, netip.AddrPortFrom(g.address, uint16(port)).String())
}

// Reboot is not possible: the kernel is the host's.
func (g *Guest) Reboot(context.Context) error {
	return fmt.Errorf("reboot: %w", machine.ErrUnsupported)
}

// Reach lets the guest reach the fabric, or cuts it off: the guest keeps its routes, and nobody is at their end. What
// it is asked to be already, it stays.
func (g *Guest) Reach(ctx context.Context, reachable bool) error {
	action := "add"
	if reachable {
		action = "del"
	}
	r, err := g.run(ctx, "ip", "rule", action, "pref", "168", "lookup", "168")
	if err == nil && r.ExitCode != 0 && !bytes.Contains(r.Stderr, []byte("File exists")) && !bytes.Contains(r.Stderr, []byte("No such file")) {
		err = errors.New(string(r.Stderr))
	}
	if err != nil {
		return fmt.Errorf("change what the guest reaches: %w", err)
	}
	return nil
}

// Insert puts another disc into the drive the guest was booted with: its device shows what image holds.
func (g *Guest) Insert(ctx context.Context, image string) error {
	if g.dvd.device == "" {
		return fmt.Errorf("insert %s: the guest has no drive: %w", image, machine.ErrUnsupported)
	}
	return g.dvd.change(ctx, image)
}

// Console is what the guest wrote to its terminal: systemd's progress and whatever was sent to /dev/console.
func (g *Guest) Console() []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.id == "" {
		return g.console
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return logs(ctx, g.driver.engine, g.id)
}

// Close destroys the container and its disks.
func (g *Guest) Close(ctx context.Context) error {
	console := g.Console()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	g.closed, g.console = true, console
	var errs []error
	if g.id != "" {
		errs = append(errs, remove(ctx, g.driver.engine, g.id))
	}
	for _, l := range g.loops {
		errs = append(errs, l.detach(ctx))
	}
	return errors.Join(errs...)
}

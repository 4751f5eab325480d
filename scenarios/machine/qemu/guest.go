package qemu

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/waagent-go/waagent/fabricsim/vnet"
	"github.com/waagent-go/waagent/scenarios/internal/guesthelper"
	"github.com/waagent-go/waagent/scenarios/internal/reap"
	"github.com/waagent-go/waagent/scenarios/machine"
)

// Guest is a running virtual machine.
type Guest struct {
	name    string
	claim   *reap.Folder
	dir     string
	started func(Event)
	log     *slog.Logger
	network *vnet.Network
	ports   []*vnet.NIC
	helper  *helper
	qmp     *qmp
	accel   accel
	jobs    int // of QEMU's, begun so far

	mu    sync.Mutex
	spec  Spec
	proc  *process
	end   string        // how QEMU says the machine ended, before it does itself
	off   chan struct{} // closed when the machine is off, and not about to start again
	close bool          // Close was called
}

func (g *Guest) tell(what string) {
	if g.started != nil {
		g.started(Event{Guest: g.name, What: what})
	}
}

// awaitHelper waits for the helper of another boot than old, or for the end of the machine.
func (g *Guest) awaitHelper(ctx context.Context, old string) error {
	start := time.Now()
	if _, err := g.helper.await(ctx, old); err != nil {
		return err
	}
	g.log.Info("guest answers", "took", time.Since(start).Round(time.Millisecond))
	g.tell("helper")
	return nil
}

// IP is the address of the guest's primary NIC: the first of those that were not removed.
func (g *Guest) IP() netip.Addr {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, nic := range g.spec.NICs {
		if !nic.gone {
			return nic.IP
		}
	}
	return netip.Addr{}
}

// NICs lists the guest's interfaces with the addresses they were given.
func (g *Guest) NICs() []NIC {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.spec.NICs)
}

// Dir is where the guest's disks and console are until Close.
func (g *Guest) Dir() string { return g.dir }

// Exec runs a program in the guest.
func (g *Guest) Exec(ctx context.Context, c machine.Command) (machine.Result, error) {
	resp, err := g.do(ctx, guesthelper.Request{Op: "exec", Argv: c.Argv, User: c.User, Data: c.Stdin})
	if err != nil {
		return machine.Result{}, fmt.Errorf("exec %v: %w", c.Argv, err)
	}
	return machine.Result{Stdout: resp.Stdout, Stderr: resp.Stderr, ExitCode: resp.ExitCode}, nil
}

// ReadFile reads a file of the guest.
func (g *Guest) ReadFile(ctx context.Context, path string) ([]byte, error) {
	resp, err := g.do(ctx, guesthelper.Request{Op: "read", Path: path})
	return resp.Data, err
}

// WriteFile replaces a file of the guest at once, and makes the folders above it.
func (g *Guest) WriteFile(ctx context.Context, path string, data []byte, mode fs.FileMode) error {
	_, err := g.do(ctx, guesthelper.Request{Op: "write", Path: path, Data: data, Mode: uint32(mode.Perm())})
	return err
}

func (g *Guest) do(ctx context.Context, req guesthelper.Request) (guesthelper.Response, error) {
	resp, err := g.helper.do(ctx, req)
	switch {
	case err != nil:
		return resp, err
	case resp.NotExist:
		return resp, &fs.PathError{Op: req.Op, Path: req.Path, Err: fs.ErrNotExist}
	case resp.Error != "":
		return resp, errors.New(resp.Error)
	}
	return resp, nil
}

// Dial connects to a TCP port of the guest's primary NIC.
func (g *Guest) Dial(ctx context.Context, port int) (net.Conn, error) {
	return g.network.DialGuest(ctx, netip.AddrPortFrom(g.IP(), uint16(port)))
}

// Console is all that the guest wrote to its serial console, of every boot.
func (g *Guest) Console() []byte {
	data, err := os.ReadFile(filepath.Join(g.dir, "console.log"))
	if err != nil {
		return nil
	}
	return data
}

// Close powers the machine off at once and removes all that was made for it.
func (g *Guest) Close(ctx context.Context) error {
	var errs []error
	g.mu.Lock()
	g.close = true
	proc := g.proc
	g.mu.Unlock()
	if proc != nil {
		errs = append(errs, proc.kill(ctx))
	}
	errs = append(errs, g.qmp.Close(), g.helper.Close())
	for _, p := range g.ports {
		errs = append(errs, p.Detach())
	}
	if g.claim != nil {
		errs = append(errs, g.claim.Release())
	}
	return errors.Join(errs...)
}

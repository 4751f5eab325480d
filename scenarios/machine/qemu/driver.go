// Package qemu boots guests as virtual machines: own kernel, own devices, real reboots, no root on the host. They are
// plugged into a vnet, where the fabric's addresses are served, and reached through a helper that each guest starts
// from a second disk (see package guesthelper). Images without that hook are reached over the network only.
package qemu

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/waagent-go/waagent/fabricsim/vnet"
	"github.com/waagent-go/waagent/scenarios/internal/reap"
	"github.com/waagent-go/waagent/scenarios/machine"
)

// Driver boots guests. All of one driver are on the same network.
type Driver struct {
	Network *vnet.Network
	// Helper is a static binary for the guest, and HelperArgs what makes it run guesthelper.Main.
	Helper     string
	HelperArgs []string
	// BootTimeout bounds power-on to the helper's first word; 0 is five minutes, as many run on a busy host.
	BootTimeout time.Duration
	Log         *slog.Logger // nil logs nothing
}

// Boot starts a guest and returns once its helper answers, early in the boot: services may still be starting. When it
// fails, the error carries the end of the console.
func (d Driver) Boot(ctx context.Context, s Spec) (m *Guest, err error) {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	g := &Guest{name: s.Name, started: s.Started, log: d.Log.With("guest", s.Name), network: d.Network, spec: s, off: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.Close(context.WithoutCancel(ctx)))
		}
	}()
	if err := reap.Dead(os.TempDir(), dirPrefix, d.Log); err != nil {
		return nil, err
	}
	if g.claim, err = reap.Claim(os.TempDir(), dirPrefix); err != nil {
		return nil, err
	}
	g.dir = g.claim.Dir
	if err := d.prepare(ctx, g); err != nil {
		return nil, fmt.Errorf("boot %s: %w", s.Name, err)
	}
	g.accel = detectAccel(ctx, s.Image)
	if err := g.start(); err != nil {
		return nil, err
	}
	g.tell("started")
	limit := d.BootTimeout
	if limit == 0 {
		limit = 5 * time.Minute
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the guest's helper did not answer within %s", limit))
	defer cancel()
	if err := g.answers(ctx, "", "boot"); err != nil {
		return nil, err
	}
	return g, nil
}

// prepare makes all that the QEMU process needs: disks, sockets, ports on the network.
func (d Driver) prepare(ctx context.Context, g *Guest) error {
	s := &g.spec
	run := filepath.Join(g.dir, "run.img")
	if err := makeRunDisk(ctx, run, d.runFiles(*s)); err != nil {
		return err
	}
	if err := makeDisks(ctx, g.dir, *s); err != nil {
		return err
	}
	if UEFI(s.Image.Arch, s.Gen) {
		if err := uefi(g.dir, architectureOf(s.Image.Arch)); err != nil {
			return err
		}
	}
	for i := range s.NICs {
		nic := &s.NICs[i]
		if nic.MAC == nil {
			nic.MAC = randomMAC()
		}
		port, err := d.Network.Attach(filepath.Join(g.dir, fmt.Sprintf("nic%d.sock", i)), nic.MAC, nic.IP)
		if err != nil {
			return err
		}
		nic.IP = port.IP
		g.ports = append(g.ports, port)
	}
	var err error
	if g.helper, err = listenHelper(filepath.Join(g.dir, "helper.sock")); err != nil {
		return err
	}
	g.qmp, err = listenQMP(filepath.Join(g.dir, "qmp.sock"), g.heard)
	return err
}

// Available says why no guest can be booted on this machine, or nothing.
func Available() error {
	for _, tool := range []string{amd64.program, "qemu-img", "mke2fs"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is not installed", tool)
		}
	}
	return nil
}

// Lacking says what a guest of a processor (as Debian spells it; "" is amd64) and generation needs and this machine has
// not, or nothing.
func Lacking(arch string, generation int) error {
	a := architectureOf(arch)
	if _, err := exec.LookPath(a.program); err != nil {
		return fmt.Errorf("%s is not installed", a.program)
	}
	if UEFI(arch, generation) && a.firmware() == nil {
		return ErrNoUEFI
	}
	return nil
}

var _ machine.Machine = (*Guest)(nil)

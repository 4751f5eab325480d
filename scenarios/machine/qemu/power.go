package qemu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/waagent-go/waagent/scenarios/internal/guesthelper"
)

// Reboot restarts the guest in an orderly way and returns once its helper answers again.
func (g *Guest) Reboot(ctx context.Context) error {
	boot, err := g.helper.await(ctx, "")
	if err != nil {
		return fmt.Errorf("reboot %s: %w", g.name, err)
	}
	g.tell("reboot")
	// systemctl may not live to answer: then the helper's connection says so.
	resp, err := g.helper.do(ctx, guesthelper.Request{Op: "exec", Argv: []string{"systemctl", "--no-block", "reboot"}})
	if err == nil && (resp.Error != "" || resp.ExitCode != 0) {
		return fmt.Errorf("reboot %s: %s%s", g.name, resp.Error, resp.Stderr)
	}
	if err := g.awaitHelper(ctx, boot); err != nil {
		return fmt.Errorf("reboot %s: %w; the console ends with:\n%s", g.name, err, tail(g.Console(), 2000))
	}
	return nil
}

// Reset pulls the plug and puts it in again, as a failing host does, and returns once the guest answers.
func (g *Guest) Reset(ctx context.Context) error {
	boot, err := g.helper.await(ctx, "")
	if err == nil {
		_, err = g.qmp.do(ctx, "system_reset", nil)
	}
	if err == nil {
		err = g.awaitHelper(ctx, boot)
	}
	if err != nil {
		return fmt.Errorf("reset %s: %w", g.name, err)
	}
	return nil
}

// PowerOff presses the power button and waits until the machine is off. Disks and console stay until Close.
func (g *Guest) PowerOff(ctx context.Context) error {
	if _, err := g.qmp.do(ctx, "system_powerdown", nil); err != nil {
		return fmt.Errorf("power off %s: %w", g.name, err)
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("power off %s: %w", g.name, context.Cause(ctx))
	case <-g.proc.gone.Done():
		g.tell("shutdown")
		return nil
	}
}

// QMP runs one command of QEMU's machine protocol, for what has no method of its own.
func (g *Guest) QMP(ctx context.Context, command string, arguments any) (json.RawMessage, error) {
	return g.qmp.do(ctx, command, arguments)
}

// powerOn starts a guest that was powered off, with the disks and addresses it had.
func (g *Guest) powerOn(ctx context.Context) error {
	err := g.reconnect()
	if err == nil {
		err = g.start(ctx)
	}
	if err == nil {
		err = g.awaitHelper(ctx, "")
	}
	if err != nil {
		return fmt.Errorf("power on %s: %w; the console ends with:\n%s", g.name, err, tail(g.Console(), 2000))
	}
	return nil
}

// reconnect makes new control sockets: those of a QEMU that has ended are spent.
func (g *Guest) reconnect() error {
	return errors.Join(g.qmp.Close(), g.helper.Close(), g.listen())
}

// listen makes the sockets that QEMU connects to when it starts.
func (g *Guest) listen() error {
	var err error
	if g.helper, err = listenHelper(filepath.Join(g.dir, "helper.sock")); err != nil {
		return err
	}
	g.qmp, err = listenQMP(filepath.Join(g.dir, "qmp.sock"))
	return err
}

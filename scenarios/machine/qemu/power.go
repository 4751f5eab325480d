package qemu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/waagent-go/waagent/scenarios/internal/guesthelper"
)

// start runs QEMU. It ends when the guest reboots, and run again by watch: after a reset within one process, emulation is
// three times as slow as before.
func (g *Guest) start() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.close {
		return errors.New("closed meanwhile")
	}
	sockets := make([]string, len(g.ports))
	for i, p := range g.ports {
		sockets[i] = p.Socket
	}
	arch := architectureOf(g.spec.Image.Arch)
	proc, err := startProcess(append([]string{arch.program}, arguments(g.spec, g.dir, g.accel, sockets)...), g.dir)
	if err != nil {
		return err
	}
	g.proc, g.end = proc, ""
	go g.watch(proc)
	g.log.Info("guest started", "accel", g.accel.accel, "pid", proc.pid)
	return nil
}

// watch waits for the end of a QEMU and starts another where the guest rebooted.
func (g *Guest) watch(proc *process) {
	begun, cancel := context.WithCancel(proc.gone)
	err := g.qmp.begin(begun)
	cancel()
	<-proc.gone.Done()
	if err == nil {
		g.qmp.drained()
	}
	g.mu.Lock()
	end, closed, off := g.end, g.close, g.off
	g.mu.Unlock()
	if closed {
		return
	}
	if strings.HasSuffix(end, "reset") {
		g.tell("reboot")
		if err = g.start(); err == nil {
			return
		}
	} else if err = errOff; end == "" {
		err = proc.why()
	}
	g.helper.fail(err)
	close(off)
}

var errOff = errors.New("the guest is switched off")

// heard remembers what QEMU tells of itself.
func (g *Guest) heard(event string, data json.RawMessage) {
	var d struct {
		Reason   string `json:"reason"`
		ID       string `json:"id"`
		TrayOpen bool   `json:"tray-open"`
	}
	if json.Unmarshal(data, &d) != nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch event {
	case "SHUTDOWN":
		g.end = d.Reason
	case "DEVICE_TRAY_MOVED":
		if d.ID == "cd" && d.TrayOpen {
			g.spec.DVD = "" // it stays out across reboots
		}
	}
}

// Reboot restarts the guest in an orderly way and returns once its helper answers again.
func (g *Guest) Reboot(ctx context.Context) error {
	boot, err := g.helper.await(ctx, "")
	if err != nil {
		return fmt.Errorf("reboot %s: %w", g.name, err)
	}
	resp, err := g.helper.do(ctx, guesthelper.Request{Op: "exec", Argv: []string{"systemctl", "--no-block", "reboot"}})
	switch {
	case err != nil && !errors.Is(err, errRebooted): // systemctl may not live to answer
		return fmt.Errorf("reboot %s: %w", g.name, err)
	case resp.Error != "" || resp.ExitCode != 0:
		return fmt.Errorf("reboot %s: %s%s", g.name, resp.Error, resp.Stderr)
	}
	return g.answers(ctx, boot, "reboot")
}

// Reset pulls the plug and puts it in again, as a failing host does, and returns once the guest answers.
func (g *Guest) Reset(ctx context.Context) error {
	boot, err := g.helper.await(ctx, "")
	if err == nil {
		_, err = g.qmp.do(ctx, "system_reset", nil)
	}
	if err != nil {
		return fmt.Errorf("reset %s: %w", g.name, err)
	}
	return g.answers(ctx, boot, "reset")
}

// answers waits for the guest to come up.
func (g *Guest) answers(ctx context.Context, old, after string) error {
	if err := g.awaitHelper(ctx, old); err != nil {
		return fmt.Errorf("%s %s: %w; the console ends with:\n%s", after, g.name, err, tail(g.Console(), 2000))
	}
	return nil
}

// PowerOff presses the power button and waits until the machine is off. Disks and console stay until Close. A guest
// that is too busy, or has nobody to see its button, is asked through the helper as well.
func (g *Guest) PowerOff(ctx context.Context) error {
	g.mu.Lock()
	off := g.off
	g.mu.Unlock()
	if _, err := g.qmp.do(ctx, "system_powerdown", nil); err != nil {
		return fmt.Errorf("power off %s: %w", g.name, err)
	}
	go g.helper.do(ctx, guesthelper.Request{Op: "exec", Argv: []string{"systemctl", "--no-block", "poweroff"}}) //nolint:errcheck // it may be going down
	select {
	case <-ctx.Done():
		return fmt.Errorf("power off %s: %w", g.name, context.Cause(ctx))
	case <-off:
		g.tell("shutdown")
		return nil
	}
}

// PowerOn starts a guest that was powered off, with the disks and addresses it had.
func (g *Guest) PowerOn(ctx context.Context) error {
	g.helper.fail(nil)
	g.mu.Lock()
	g.off = make(chan struct{})
	g.mu.Unlock()
	if err := g.start(); err != nil {
		return fmt.Errorf("power on %s: %w", g.name, err)
	}
	g.tell("started")
	return g.answers(ctx, "", "power on")
}

// QMP runs one command of QEMU's machine protocol, for what has no method of its own.
func (g *Guest) QMP(ctx context.Context, command string, arguments any) (json.RawMessage, error) {
	return g.qmp.do(ctx, command, arguments)
}

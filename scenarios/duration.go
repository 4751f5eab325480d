package scenarios

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/waagent-go/waagent/agent/protocol/wireserver"
	"github.com/waagent-go/waagent/scenarios/machine"
)

// startToReadyVerb says how long the guest took from the start of its kernel, and of its agent's unit, to the report of
// Ready.
func startToReadyVerb(ctx context.Context, w *world, _ *testscript.TestScript, args []string) (*machine.Result, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("usage: start-to-ready unit")
	}
	if err := w.booted(); err != nil {
		return nil, err
	}
	ready, err := w.readyAt(ctx)
	if err != nil {
		return nil, err
	}
	kernel, err := w.kernelStart(ctx)
	if err != nil {
		return nil, err
	}
	agent, err := w.unitStart(ctx, args[0])
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf("start to Ready: agent %.1f s, kernel %.1f s", ready.Sub(kernel.Add(agent)).Seconds(), ready.Sub(kernel).Seconds())
	w.say("%s", text)
	return output(text + "\n"), nil
}

// readyAt is when the fabric was told Ready first.
func (w *world) readyAt(ctx context.Context) (time.Time, error) {
	vm, err := w.fabric.VM(ctx, w.id)
	if err != nil {
		return time.Time{}, err
	}
	for _, h := range vm.Health {
		if h.State == wireserver.Ready {
			return h.Time, nil
		}
	}
	return time.Time{}, fmt.Errorf("not Ready: %s", healthSeen(vm))
}

// kernelStart is when the guest's kernel started, by this machine's clock: the guest's own may be set meanwhile.
func (w *world) kernelStart(ctx context.Context) (time.Time, error) {
	up, err := w.first(ctx, "cat", "/proc/uptime")
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseFloat(up, 64)
	return time.Now().Add(-time.Duration(seconds * float64(time.Second))), err
}

// unitStart is when a unit's main process started, since the kernel did.
func (w *world) unitStart(ctx context.Context, unit string) (time.Duration, error) {
	at, err := w.first(ctx, "systemctl", "show", "--value", "-p", "ExecMainStartTimestampMonotonic", unit)
	if err != nil {
		return 0, err
	}
	us, err := strconv.ParseInt(at, 10, 64)
	if err == nil && us == 0 {
		err = fmt.Errorf("the unit %s has not been started", unit)
	}
	return time.Duration(us) * time.Microsecond, err
}

// first is the first word that a program of the guest prints.
func (w *world) first(ctx context.Context, argv ...string) (string, error) {
	r, err := w.machine.Exec(ctx, machine.Command{Argv: argv})
	if err != nil {
		return "", err
	}
	words := strings.Fields(string(r.Stdout))
	if r.ExitCode != 0 || len(words) == 0 {
		return "", fmt.Errorf("%s: exit code %d: %s", strings.Join(argv, " "), r.ExitCode, r.Stderr)
	}
	return words[0], nil
}

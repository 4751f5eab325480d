package scenarios

import (
	"context"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/waagent-go/waagent/fabricsim/control"
	"github.com/waagent-go/waagent/fabricsim/goal"
	"github.com/waagent-go/waagent/scenarios/machine"
)

// check answers whether something has come true, and what was seen if not.
type check func(ctx context.Context) (ok bool, seen string, err error)

// until waits for a check: it asks at once, then whenever the fabric saw something or a second passed, until limit.
func (w *world) until(ctx context.Context, limit time.Duration, what string, c check) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	seen := "nothing"
	for {
		ok, last, err := c(ctx)
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if ok {
			return nil
		}
		if last != "" {
			seen = last
		}
		t := time.NewTimer(500 * time.Millisecond)
		select {
		case <-ctx.Done():
			t.Stop()
			return fmt.Errorf("%s: not within %s; last seen: %s", what, limit, seen)
		case <-t.C:
		}
	}
}

// conditions are the words that may follow `until`, with their arguments before the limit.
func (w *world) condition(args []string) (check, error) {
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	switch args[0] {
	case "ready":
		return w.ofVM(func(vm control.VM) (bool, string) { return vm.Ready(), healthSeen(vm) }), nil
	case "not-ready":
		return w.ofVM(func(vm control.VM) (bool, string) { return reported(vm, arg(1)), healthSeen(vm) }), nil
	case "extension":
		name, ext, _ := strings.Cut(arg(1), "/")
		return w.ofVM(func(vm control.VM) (bool, string) {
			got := vm.ExtensionStatus(name, ext)
			return got == arg(2), fmt.Sprintf("%s is %q; %s", arg(1), got, statusSeen(vm))
		}), nil
	case "handler":
		return w.ofVM(func(vm control.VM) (bool, string) {
			h, ok := vm.Handler(arg(1), "")
			return ok && h.Status == arg(2), statusSeen(vm)
		}), nil
	case "gone":
		return w.ofVM(func(vm control.VM) (bool, string) {
			_, ok := vm.Handler(arg(1), "")
			return !ok && vm.Status != nil, statusSeen(vm)
		}), nil
	case "status", "heartbeat":
		return w.nextStatus(), nil
	case "property":
		return w.ofVM(func(vm control.VM) (bool, string) {
			return vm.Properties[arg(1)] != "", fmt.Sprintf("properties %v", vm.Properties)
		}), nil
	case "event":
		return w.eventReceived(arg(1))
	case "goal-state":
		return w.processed(), nil
	case "file":
		return w.fileThere(arg(1)), nil
	case "guest":
		return w.commandSucceeds(args[1:]), nil
	case "log":
		return w.logged(arg(1))
	}
	return nil, fmt.Errorf("until %s: known: ready, not-ready, extension, handler, gone, status, property, event, goal-state, file, guest, log", args[0])
}

func (w *world) ofVM(f func(control.VM) (bool, string)) check {
	return func(ctx context.Context) (bool, string, error) {
		vm, err := w.fabric.VM(ctx, w.id)
		if err != nil {
			return false, "", err
		}
		ok, seen := f(vm)
		return ok, seen, nil
	}
}

// eventReceived waits for a telemetry event of which a line of `fabric events` would match pattern: agents send theirs in
// batches, some only once a minute.
func (w *world) eventReceived(pattern string) (check, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (bool, string, error) {
		lines, err := w.eventLines(ctx)
		if err != nil {
			return false, "", err
		}
		return slices.ContainsFunc(lines, re.MatchString), fmt.Sprintf("%d events", len(lines)), nil
	}, nil
}

// nextStatus waits for a status blob newer than the one there is now.
func (w *world) nextStatus() check {
	first := -1
	return w.ofVM(func(vm control.VM) (bool, string) {
		if first < 0 {
			first = vm.StatusCount
		}
		return vm.StatusCount > first, fmt.Sprintf("%d status blobs", vm.StatusCount)
	})
}

// processed waits for a status blob that speaks of the goal state in force. Of a Fast Track one the agent's log tells:
// its number in the status is the fabric's own.
func (w *world) processed() check {
	fastTrack := func(ctx context.Context, vm control.VM) (bool, string, error) {
		c, err := w.logged(regexp.QuoteMeta("ProcessExtensionsGoalState completed [" + vm.GoalStateID + " "))
		if err != nil {
			return false, "", err
		}
		return c(ctx)
	}
	fabric := w.ofVM(func(vm control.VM) (bool, string) {
		if vm.Status == nil {
			return false, "no status blob"
		}
		seen := strings.TrimSpace(string(vm.Status.Raw))
		want := fmt.Sprintf(`"inSvdSeqNo":"%d"`, vm.Incarnation)
		return strings.Contains(strings.ReplaceAll(seen, " ", ""), want), seen
	})
	return func(ctx context.Context) (bool, string, error) {
		vm, err := w.fabric.VM(ctx, w.id)
		if err == nil && vm.Channel == string(goal.FastTrack) {
			return fastTrack(ctx, vm)
		}
		return fabric(ctx)
	}
}

func (w *world) fileThere(path string) check {
	return func(ctx context.Context) (bool, string, error) {
		_, err := w.machine.ReadFile(ctx, path)
		if err == nil {
			return true, "", nil
		}
		return false, err.Error(), nil
	}
}

func (w *world) commandSucceeds(argv []string) check {
	return func(ctx context.Context) (bool, string, error) {
		r, err := w.machine.Exec(ctx, machine.Command{Argv: argv})
		if err != nil {
			return false, err.Error(), nil
		}
		return r.ExitCode == 0, fmt.Sprintf("exit code %d\n%s%s", r.ExitCode, r.Stdout, r.Stderr), nil
	}
}

func (w *world) logged(pattern string) (check, error) {
	re, err := regexp.Compile("(?m)" + pattern)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (bool, string, error) {
		log, err := w.agentLog(ctx)
		if err != nil {
			return false, err.Error(), nil
		}
		return re.Match(log), lastLines(log, 5), nil
	}, nil
}

// agentLogFile is where every agent logs.
const agentLogFile = "/var/log/waagent.log"

func (w *world) agentLog(ctx context.Context) ([]byte, error) {
	if w.machine == nil {
		return nil, fs.ErrNotExist
	}
	return w.machine.ReadFile(ctx, agentLogFile)
}

func reported(vm control.VM, sub string) bool {
	for _, h := range vm.Health {
		if h.State == "NotReady" && (sub == "" || h.SubStatus == sub) {
			return true
		}
	}
	return false
}

func healthSeen(vm control.VM) string {
	var all []string
	for _, h := range vm.Health {
		all = append(all, strings.TrimSpace(h.State+" "+h.SubStatus+" "+h.Description))
	}
	if all == nil {
		return "no health report"
	}
	return "health reports: " + strings.Join(all, "; ")
}

func statusSeen(vm control.VM) string {
	if vm.Status == nil {
		return "no status blob"
	}
	return "status blob: " + string(vm.Status.Raw)
}

func lastLines(text []byte, n int) string {
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

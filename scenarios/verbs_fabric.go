package scenarios

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/waagent-go/waagent/fabricsim/goal"
	"github.com/waagent-go/waagent/fabricsim/journal"
	"github.com/waagent-go/waagent/scenarios/machine"
)

// fabricVerb steers the fabric and asks it things.
func fabricVerb(ctx context.Context, w *world, ts *testscript.TestScript, args []string) (*machine.Result, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("usage: fabric goal-state|health|status|journal|properties|events|up|down|vm|cut|restore|change|rotate-certificates|new-container [argument...]")
	}
	if w.spec.Hostname == "" {
		if err := w.describe("vm.yaml"); err != nil {
			return nil, err
		}
	}
	if err := w.introduce(ctx); err != nil {
		return nil, err
	}
	switch args[0] {
	case "goal-state":
		return w.setGoalState(ctx, ts, args[1:])
	case "health":
		return w.showVM(ctx, func(v any) any { return v.(map[string]any)["health"] })
	case "properties":
		return w.showVM(ctx, func(v any) any { return v.(map[string]any)["properties"] })
	case "vm":
		return w.showVM(ctx, func(v any) any { return v })
	case "status":
		vm, err := w.fabric.VM(ctx, w.id)
		if err != nil || vm.Status == nil {
			return nil, orNone(err, "status blob")
		}
		return output(string(vm.Status.Raw) + "\n"), nil
	case "journal":
		return w.showJournal(ctx)
	case "up", "down":
		return nil, w.site.Reach(ctx, args[0] == "up")
	case "cut", "restore", "change", "rotate-certificates", "new-container", "events":
		return w.changeFabric(ctx, ts, args)
	}
	return nil, fmt.Errorf("fabric %s: no such command", args[0])
}

func orNone(err error, what string) error {
	if err == nil {
		err = fmt.Errorf("no %s yet", what)
	}
	return err
}

// setGoalState gives the VM the goal state of a file.
func (w *world) setGoalState(ctx context.Context, ts *testscript.TestScript, args []string) (*machine.Result, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("usage: fabric goal-state file.yaml")
	}
	path := ts.MkAbs(args[0])
	state, err := goal.Load(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		return nil, err
	}
	_, err = w.fabric.SetGoalState(ctx, w.id, state)
	return nil, err
}

// showVM prints a part of what the fabric knows of the VM, as JSON.
func (w *world) showVM(ctx context.Context, part func(any) any) (*machine.Result, error) {
	vm, err := w.fabric.VM(ctx, w.id)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(vm)
	if err != nil {
		return nil, err
	}
	var all any
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	text, err = json.MarshalIndent(part(all), "", "  ")
	return output(string(text) + "\n"), err
}

// showJournal prints one line per request.
func (w *world) showJournal(ctx context.Context) (*machine.Result, error) {
	entries, err := w.entries(ctx)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	for _, e := range entries {
		b.WriteString(journalLine(e) + "\n")
	}
	return output(b.String()), nil
}

// entries are all requests so far.
func (w *world) entries(ctx context.Context) ([]journal.Entry, error) {
	var all []journal.Entry
	for from := int64(1); ; from = all[len(all)-1].N + 1 {
		more, err := w.fabric.Journal(ctx, from, 1000, 0)
		if err != nil || len(more) == 0 {
			return all, err
		}
		all = append(all, more...)
	}
}

func journalLine(e journal.Entry) string {
	line := fmt.Sprintf("%d %s %s %s %s %d", e.N, e.Surface, e.Route, e.Method, e.URL, e.Status)
	if e.Note != "" {
		line += " " + e.Note
	}
	if e.ClientError {
		line += " CLIENT ERROR"
	}
	return line
}

func expectClientErrorsVerb(_ context.Context, w *world, _ *testscript.TestScript, _ []string) (*machine.Result, error) {
	w.clientErrorsOK = true
	return nil, nil
}

func noClientErrorsVerb(ctx context.Context, w *world, _ *testscript.TestScript, _ []string) (*machine.Result, error) {
	return nil, w.clientErrors(ctx)
}

// clientErrors fails if anything was asked that Azure would have rejected.
func (w *world) clientErrors(ctx context.Context) error {
	entries, err := w.entries(ctx)
	if err != nil {
		return err
	}
	var wrong []string
	for _, e := range entries {
		if e.ClientError {
			wrong = append(wrong, journalLine(e))
		}
	}
	if wrong != nil {
		return fmt.Errorf("requests that Azure would have rejected:\n%s", strings.Join(wrong, "\n"))
	}
	return nil
}

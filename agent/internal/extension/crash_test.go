package extension_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/extension"
	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/machine"
)

// notebook is a machine whose commands all succeed at once, on record like real ones, without a process.
type notebook struct{ runs []string }

func (n *notebook) Mounts() ([]machine.Mount, error) { return nil, nil }

func (n *notebook) RunHandler(_ context.Context, c machine.HandlerCommand) (machine.CommandEnd, error) {
	if data, err := os.ReadFile(c.Record); err == nil {
		var end machine.CommandEnd
		return end, json.Unmarshal(data, &end)
	}
	if c.Line == "" {
		return machine.CommandEnd{}, machine.ErrNoCommand
	}
	n.runs = append(n.runs, filepath.Base(c.Line)+" "+filepath.Base(c.Dir))
	data, err := json.Marshal(machine.CommandEnd{})
	if err != nil {
		return machine.CommandEnd{}, err
	}
	return machine.CommandEnd{}, errors.Join(os.WriteFile(c.Record+".lock", nil, 0o600), os.WriteFile(c.Record, data, 0o600))
}

// TestAgentThatDiesBeforeAnyOneStepEndsUpTheSame lets the agent die before its first, second, … state write or command,
// and once more before each step after that, until none is left.
func TestAgentThatDiesBeforeAnyOneStepEndsUpTheSame(t *testing.T) {
	t.Parallel()
	steps := dying(t, -1, nil)
	assert.Assert(t, steps > 30, "%d steps", steps)
	for n := range steps {
		dying(t, n, nil)
	}
}

func TestAgentThatDiesTwiceEndsUpTheSame(t *testing.T) {
	t.Parallel()
	steps := dying(t, -1, nil)
	for n := 0; n < steps; n += 13 { // a sample: all of them take an hour
		for _, m := range []int{0, 2, 11} {
			dying(t, n, []int{m})
		}
	}
}

// dying plays the goal state of the kill test, lets the agent die before step n, and then, each in a new start, before
// the steps in more. It returns the number of steps of the last start.
func dying(t *testing.T, n int, more []int) int {
	t.Helper()
	w := newQuietWorld(t)
	book := &notebook{}
	w.options.Machine, w.options.Log = book, nil
	w.restart()
	for _, v := range []string{"Gone/1.0", "Moved/1.0", "Moved/1.1", "New/1.0", "Newer/1.0", "Stays/1.0"} {
		name, version, _ := strings.Cut(v, "/")
		w.shop.sell(name, version, pack{})
	}
	w.process(named(wants("1.0", 1), "Gone"), named(wants("1.0", 1), "Moved"), named(wants("1.0", 1), "Stays"))
	book.runs = nil
	starts, steps := 0, 0
	for _, die := range append([]int{n}, append(more, -1)...) {
		steps = 0
		w.options.Failpoint = func(string) error {
			if steps++; steps-1 == die {
				return errors.New("as asked")
			}
			return nil
		}
		w.restart()
		starts++
		if r := w.engine.Process(t.Context(), killedGoalState()); r.Err == nil {
			break
		}
	}
	checkRuns(t, book.runs, starts, n, more)
	w.checkFolders()
	assert.Equal(t, len(w.engine.Report()), 4)
	return steps
}

func checkRuns(t *testing.T, runs []string, starts, n int, more []int) {
	t.Helper()
	count := map[string]int{}
	for _, r := range runs {
		count[strings.TrimPrefix(r, "shim ")]++
	}
	for _, once := range []string{
		"disable Gone-1.0", "uninstall Gone-1.0", "disable Moved-1.0", "update Moved-1.1", "uninstall Moved-1.0",
		"install Moved-1.1", "install New-1.0", "install Newer-1.0",
	} {
		assert.Equal(t, count[once], 1, "%s, dying before %d %v: %q", once, n, more, runs)
	}
	for _, each := range []string{"enable Moved-1.1", "enable New-1.0", "enable Newer-1.0", "enable Stays-1.0"} {
		assert.Assert(t, count[each] >= 1 && count[each] <= starts, "%s, dying before %d: %q", each, n, runs)
	}
}

func TestCommandOfAnAbandonedMoveIsSettled(t *testing.T) {
	w := newQuietWorld(t)
	book := &notebook{}
	w.options.Machine = book
	for _, v := range []string{"1.0.0", "1.1.0", "1.2.0"} {
		w.shop.sell(contoso, v, pack{})
	}
	w.restart()
	w.process(wants("1.0.0", 1))
	book.runs = nil
	// The agent dies after 1.1.0's install has ended and before anybody took notice; then the fabric wants 1.2.0.
	seen := false
	w.options.Failpoint = func(name string) error {
		if seen || slices.Contains(book.runs, "shim install Contoso.Demo-1.1.0") {
			seen = true
			return errors.New(name)
		}
		return nil
	}
	w.restart()
	r := w.engine.Process(t.Context(), goalstate.Wanted{ID: "incarnation_2", Handlers: []goalstate.Handler{wants("1.1.0", 2)}})
	assert.Assert(t, r.Err != nil)
	book.runs, w.options.Failpoint = nil, nil
	w.restart()
	w.process(wants("1.2.0", 3))
	assert.DeepEqual(t, book.runs, []string{
		"shim update Contoso.Demo-1.2.0", "shim uninstall Contoso.Demo-1.1.0", "shim install Contoso.Demo-1.2.0",
		"shim enable Contoso.Demo-1.2.0",
	})
	assert.Assert(t, !w.exists("Contoso.Demo-1.1.0"))
}

var _ extension.Machine = (*notebook)(nil)

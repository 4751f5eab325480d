package extension_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/status"
	"github.com/waagent-go/waagent/agent/machine"
)

// stopwatch adds up the time that commands take.
type stopwatch struct {
	machineOfWorld
	commands time.Duration
}

func (s *stopwatch) RunHandler(ctx context.Context, c machine.HandlerCommand) (machine.CommandEnd, error) {
	end, err := s.machineOfWorld.RunHandler(ctx, c)
	s.commands += end.Took
	return end, err
}

func TestFiftyHandlersOfOneGoalState(t *testing.T) {
	w := newWorld(t)
	watch := &stopwatch{machineOfWorld: w.options.Machine}
	w.options.Machine, w.options.Log = watch, nil
	w.restart()
	var all []goalstate.Handler
	for i := range 50 {
		name := fmt.Sprintf("Contoso.Number%d", i)
		w.shop.sell(name, "1.0", pack{})
		all = append(all, named(wants("1.0", 1), name))
	}
	began := time.Now()
	w.process(all...)
	wall := time.Since(began)
	t.Logf("the agent's own time: %v for each handler; its commands: %v", (wall-watch.commands)/50, watch.commands/50)
	report := w.engine.Report()
	assert.Equal(t, len(report), 50)
	for _, h := range report {
		assert.Equal(t, h.Status, status.Ready)
	}
}

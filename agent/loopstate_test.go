package agent

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/status"
)

func handlerIs(state string) []status.Handler { return []status.Handler{{Status: state}} }

func TestTheFirstGoalStateConvergesOnce(t *testing.T) {
	t.Parallel()
	var s loopState
	assert.Assert(t, !s.note(handlerIs(status.Ready)), "nothing has been processed")
	s.done(&status.GoalState{})
	assert.Assert(t, !s.note(handlerIs("Installing")))
	assert.Assert(t, !s.converged())
	assert.Assert(t, s.note(handlerIs(status.NotReady)))
	assert.Assert(t, s.converged())
	assert.Assert(t, !s.note(handlerIs(status.Ready)), "it has been told")
}

func TestAnotherGoalStateEndsTheFirst(t *testing.T) {
	t.Parallel()
	var s loopState
	assert.Assert(t, s.settle())
	assert.Assert(t, s.converged())
	assert.Assert(t, !s.settle())
}

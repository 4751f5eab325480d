package fabricsim_test

import (
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/fabricsim"
	"github.com/waagent-go/waagent/fabricsim/control"
	"github.com/waagent-go/waagent/fabricsim/goal"
)

// Hours of waiting for a VM cost nothing where the clock is fake: nothing in a fabric needs a real socket.
func TestAFabricLivesUnderAFakeClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, err := fabricsim.New(fabricsim.Options{})
		assert.NilError(t, err)
		c, stop := control.InProcess(f.Control())
		defer stop()
		_, err = c.AddVM(t.Context(), goal.VM{ID: "web01"})
		assert.NilError(t, err)
		start := time.Now()
		time.AfterFunc(3*time.Hour, func() { assert.Check(t, f.SetGoalState("web01", goal.State{Channel: goal.FastTrack}) == nil) })
		vm, err := c.WaitVM(t.Context(), "web01", func(vm control.VM) (bool, string) { return vm.Channel == "fasttrack", vm.Channel })
		assert.NilError(t, err)
		assert.Equal(t, vm.Incarnation, 1)
		assert.Equal(t, time.Since(start), 3*time.Hour)
	})
}

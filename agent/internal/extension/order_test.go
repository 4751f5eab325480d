package extension_test

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/status"
)

func level(h goalstate.Handler, n int) goalstate.Handler {
	h.Settings[0].DependencyLevel = n
	return h
}

const slowly = `f=status/$ConfigSequenceNumber.status; say() { echo '[{"status": {"status": "'$1'", "code": 0}}]' >tmp && mv tmp $f; }; `

func TestRow36DependentStartsOnlyAfterSuccess(t *testing.T) {
	w := newWorld(t)
	w.shop.sell("First", "1.0", pack{"enable": slowly +
		`say transitioning; (while [ ! -e ../go ]; do sleep 0.02; done; say success; touch ../said) & exit 0`})
	w.shop.sell("Second", "1.0", pack{"enable": "[ -e ../said ] || touch ../early; exit 0"})
	time.AfterFunc(200*time.Millisecond, func() { _ = os.WriteFile(w.lib("go"), nil, 0o600) })
	w.process(level(named(wants("1.0", 0), "Second"), 2), level(named(wants("1.0", 0), "First"), 1))
	assert.DeepEqual(t, w.calls(), []string{"install 1.0 0", "enable 1.0 0", "install 1.0 0", "enable 1.0 0"})
	assert.Assert(t, !w.exists("early"))
}

func TestRow37DependentOfAFailureIsSkipped(t *testing.T) {
	w := newWorld(t)
	w.shop.sell("First", "1.0", pack{"enable": slowly + "say error; exit 0"})
	w.shop.sell("Second", "1.0", pack{})
	w.shop.sell("Third", "1.0", multi(nil))
	third := named(several("1.0", 0, "x"), "Third")
	w.process(level(named(wants("1.0", 0), "First"), 1), level(named(wants("1.0", 0), "Second"), 2), level(third, 2))
	assert.DeepEqual(t, w.calls(), []string{"install 1.0 0", "enable 1.0 0"})
	all := w.engine.Report()
	assert.Equal(t, len(all), 3)
	assert.Equal(t, all[1].Code, -1)
	assert.Assert(t, cmp.Contains(all[1].Message, "Dependent Extension First did not succeed. Status was error"))
	assert.Assert(t, all[1].Extension == nil)
	assert.Equal(t, all[2].Extension.Status, status.Error)
	assert.Assert(t, cmp.Contains(all[2].Extension.Message, "Dependent Extension First did not succeed"))
}

func TestDependentOfAFailedCommandIsSkipped(t *testing.T) {
	w := newWorld(t)
	w.shop.sell("First", "1.0", pack{"install": "exit 1"})
	w.shop.sell("Second", "1.0", pack{})
	w.process(level(named(wants("1.0", 0), "First"), 1), level(named(wants("1.0", 0), "Second"), 2))
	assert.DeepEqual(t, w.calls(), []string{"install 1.0 0"})
	assert.Assert(t, cmp.Contains(w.engine.Report()[1].Message, "dependent extension First failed"))
}

func TestRow38DependencyThatNeverEndsIsGivenUpAfterNinetyMinutes(t *testing.T) {
	w := newWorld(t)
	w.shop.sell("First", "1.0", pack{"enable": slowly + "say transitioning; exit 0"})
	w.shop.sell("Second", "1.0", pack{})
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w.n++
		r := w.engine.Process(t.Context(), w.wanted(
			level(named(wants("1.0", 0), "First"), 1), level(named(wants("1.0", 0), "Second"), 2)))
		assert.NilError(t, r.Err)
		assert.Equal(t, time.Since(began), 90*time.Minute)
	})
	assert.DeepEqual(t, w.calls(), []string{"install 1.0 0", "enable 1.0 0"})
	assert.Assert(t, cmp.Contains(w.engine.Report()[1].Message, "Status was transitioning (timed out)"))
}

// TestAllWaitsOfAGoalStateEndTogether has the first extension take an hour of the ninety minutes.
func TestAllWaitsOfAGoalStateEndTogether(t *testing.T) {
	w := newWorld(t)
	w.shop.sell("First", "1.0", pack{"enable": slowly + "say transitioning; exit 0"})
	w.shop.sell("Second", "1.0", pack{"enable": "exit 0"})
	w.shop.sell("Third", "1.0", pack{})
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		time.AfterFunc(time.Hour, func() {
			_ = os.WriteFile(w.lib("First-1.0/status/0.status"), []byte(`[{"status": {"status": "success"}}]`), 0o600)
		})
		w.n++
		r := w.engine.Process(t.Context(), w.wanted(level(named(wants("1.0", 0), "First"), 1),
			level(named(wants("1.0", 0), "Second"), 2), level(named(wants("1.0", 0), "Third"), 3)))
		assert.NilError(t, r.Err)
		assert.Equal(t, time.Since(began), 90*time.Minute)
	})
	assert.DeepEqual(t, w.calls(), []string{"install 1.0 0", "enable 1.0 0", "install 1.0 0", "enable 1.0 0"})
	assert.Assert(t, cmp.Contains(w.engine.Report()[2].Message, "Dependent Extension Second did not succeed. Status was warning"))
}

// TestNobodyWaitsForTheLastLevel has two extensions of it that never say that they are done.
func TestNobodyWaitsForTheLastLevel(t *testing.T) {
	w := newWorld(t)
	w.shop.sell("First", "1.0", pack{"enable": slowly + "say transitioning; exit 0"})
	w.shop.sell("Second", "1.0", pack{"enable": slowly + "say transitioning; exit 0"})
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w.n++
		r := w.engine.Process(t.Context(), w.wanted(level(named(wants("1.0", 0), "First"), 1), level(named(wants("1.0", 0), "Second"), 1)))
		assert.NilError(t, r.Err)
		assert.Equal(t, time.Since(began), time.Duration(0))
	})
	assert.Equal(t, len(w.calls()), 4)
}

func TestRow39RemovalsComeFirstDeepestDependencyFirst(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"A", "B", "C"} {
		w.shop.sell(name, "1.0", pack{"uninstall": "echo " + name + " >>../gone; exit 0"})
	}
	w.process(named(wants("1.0", 0), "A"), named(wants("1.0", 0), "B"))
	w.calls()
	going := func(name string, n int) goalstate.Handler {
		h := level(named(wants("1.0", 0), name), n)
		h.State = goalstate.Uninstall
		return h
	}
	w.process(level(named(wants("1.0", 5), "C"), 1), going("A", 1), going("B", 2))
	assert.Equal(t, w.read("gone"), "B\nA\n")
	assert.DeepEqual(t, w.calls()[4:], []string{"install 1.0 5", "enable 1.0 5"})
}

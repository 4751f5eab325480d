package extension_test

import (
	"fmt"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/status"
)

func TestFiftyHandlersOfOneGoalState(t *testing.T) {
	w := newWorld(t)
	var all []goalstate.Handler
	for i := range 50 {
		name := fmt.Sprintf("Contoso.Number%d", i)
		w.shop.sell(name, "1.0", pack{})
		all = append(all, named(wants("1.0", 1), name))
	}
	began := time.Now()
	w.process(all...)
	t.Logf("%v for each handler, its two commands included", time.Since(began)/50)
	report := w.engine.Report()
	assert.Equal(t, len(report), 50)
	for _, h := range report {
		assert.Equal(t, h.Status, status.Ready)
	}
}

package extension_test

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/status"
)

func TestRow01NewHandlerIsInstalledEnabledAndReported(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	r := w.process(wants("1.0.0", 3))
	assert.Equal(t, r.GoalState.Status, "Success")
	assert.DeepEqual(t, w.calls(), []string{"install 1.0.0 3", "enable 1.0.0 3"})
	got := w.report()
	assert.Equal(t, got.Status, status.Ready)
	assert.Equal(t, got.Code, 0)
	assert.Equal(t, got.Message, "Plugin enabled")
	assert.Equal(t, got.Extension.Seq, 3)
	assert.Equal(t, got.Extension.Status, status.Success)
	assert.Equal(t, got.Extension.Message, "ok")
	assert.Equal(t, w.read("Contoso.Demo-1.0.0/config/HandlerState"), "Enabled")
	assert.Assert(t, !w.exists("Contoso.Demo__1.0.0.zip"))
	assert.Assert(t, !w.exists("state/commands/Contoso.Demo"))
}

package extension_test

import (
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/agent/internal/status"
)

// TestAHandlerWhoseFilesDoNotGetToDiskFailsAlone has the second settings file become a link to itself, which no sync
// can open.
func TestAHandlerWhoseFilesDoNotGetToDiskFailsAlone(t *testing.T) {
	w := newWorld(t)
	w.shop.sell("Bad", "1.0", pack{"enable": "[ $ConfigSequenceNumber = 1 ] || ln -sf 2.settings config/2.settings"})
	w.shop.sell("Good", "1.0", pack{})
	w.process(named(wants("1.0", 1), "Good"), named(wants("1.0", 1), "Bad"))
	w.process(named(wants("1.0", 2), "Good"), named(wants("1.0", 2), "Bad"))
	report := w.engine.Report()
	assert.Equal(t, len(report), 2)
	assert.Equal(t, report[0].Status, status.Ready)
	assert.Equal(t, report[1].Status, status.NotReady)
	assert.Assert(t, cmp.Contains(report[1].Message, "bring /var/lib/waagent/Bad-1.0/config/2.settings to disk"))
	assert.Assert(t, !w.exists("state/commands/Bad"))
}

package scenarios

import (
	"io"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/scenarios/report"
)

func TestASkippedScriptSaysWhyAndNotItsStory(t *testing.T) {
	t.Parallel()
	var res report.Result
	o := &observer{T: plainT{io.Discard}, result: &res}
	done := make(chan struct{})
	go func() { // Skip ends its goroutine
		defer close(done)
		defer o.Log("> boot")
		o.Log("before")
		o.Skip("image x: no registry")
	}()
	<-done
	assert.Equal(t, res.Outcome, report.Skipped)
	assert.Equal(t, res.Detail, "image x: no registry")
}

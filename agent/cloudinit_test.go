package agent

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/config"
	"github.com/waagent-go/waagent/agent/machine"
)

// waiting is a machine that runs what it is told to with one answer.
type waiting struct {
	machine.Machine
	err error
	ran []machine.Command
}

func (w *waiting) Run(_ context.Context, c machine.Command) (machine.Result, error) {
	w.ran = append(w.ran, c)
	return machine.Result{}, w.err
}

func TestCloudInitIsWaitedForOnceAndNotForEver(t *testing.T) {
	t.Parallel()
	for _, err := range []error{nil, errors.New("cloud-init: no answer within 7s")} {
		var log bytes.Buffer
		m := &waiting{err: err}
		l := loop{p: &program{Options: Options{Machine: m}, conf: new(config.Loaded), log: slog.New(slog.NewTextHandler(&log, nil))}}
		l.awaitCloudInit(t.Context())
		assert.Equal(t, len(m.ran), 0, "nobody asked for it")

		l.p.conf.Extensions.WaitForCloudInit, l.p.conf.Extensions.WaitForCloudInitTimeout = true, 7*time.Second
		l.awaitCloudInit(t.Context())
		l.awaitCloudInit(t.Context())
		assert.DeepEqual(t, m.ran, []machine.Command{{Argv: []string{"cloud-init", "status", "--wait"}, Timeout: 7 * time.Second}})
		assert.Equal(t, strings.Contains(log.String(), "cloud-init did not complete, going on"), err != nil, log.String())
	}
}

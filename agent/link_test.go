package agent

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/fabric"
)

func TestAConnectionLostOnceIsNoWarning(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	l := &link{log: slog.New(slog.NewTextHandler(&log, nil))}
	lost := &net.OpError{Op: "dial", Err: errors.New("operation not permitted")}
	failed := l.failing()
	failed(lost)
	assert.Assert(t, !strings.Contains(log.String(), "level=WARN"), &log)
	failed(lost)
	failed(lost)
	assert.Equal(t, strings.Count(log.String(), "level=WARN"), 1, "%s", &log)

	log.Reset()
	l.failing()(&fabric.StatusError{Code: 503})
	assert.Equal(t, strings.Count(log.String(), "level=WARN"), 1, "%s", &log)
}

package channels

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/fabric"
)

// partly answers as a platform does whose plugin is dead and whose metadata service says nothing.
type partly struct{}

func (partly) Do(ctx context.Context, r fabric.Request, _ fabric.Retry) (fabric.Response, error) {
	switch {
	case strings.Contains(r.URL, ":32526/versions"):
		return fabric.Response{}, errors.New("connection refused")
	case strings.Contains(r.URL, "169.254.169.254") && r.Header["Metadata"] == "True":
		<-ctx.Done()
		return fabric.Response{}, ctx.Err()
	}
	time.Sleep(12 * time.Millisecond)
	return fabric.Response{Code: 200}, nil
}

func TestEachChannelHasALine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
				return slog.Attr{}
			}
			return a
		}}))
		begun := time.Now()
		Probe(t.Context(), partly{}, "168.63.129.16", log)
		assert.Equal(t, time.Since(begun), limit)
		assert.Equal(t, out.String(), `msg="Channel answers" channel=WireServer ms=12
msg="Channel does not answer" channel=HostGAPlugin ms=0 reason="connection refused"
msg="Channel does not answer" channel=IMDS ms=5000 reason="context deadline exceeded"
`)
	})
}

package goalstate

import (
	"errors"
	"fmt"
	"time"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/fabric"
)

// tally counts how requests for vmSettings ended. The sum is reported each hour: one event for each of a host's many
// failures would drown the rest.
type tally struct {
	since                                       time.Time
	requests, client, server, timeouts, failing int
}

const tallyPeriod = time.Hour

func (t *tally) note(err error) {
	t.requests++
	switch code := fabric.Code(err); {
	case err == nil, errors.Is(err, fabric.ErrNotModified):
	case code >= 500:
		t.server++
	case code >= 400:
		t.client++
	case fabric.TimedOut(err):
		t.timeouts++
	default:
		t.failing++
	}
}

// report sends the sum when an hour is over, and starts anew.
func (t *tally) report(events event.Sink) {
	if t.since.IsZero() {
		t.since = time.Now()
	}
	if time.Since(t.since) < tallyPeriod {
		return
	}
	total := t.server + t.client + t.timeouts + t.failing
	events.Add(event.Event{Operation: "VmSettingsSummary", Success: total == 0, Message: fmt.Sprintf(
		`{"requests": %d, "errors": %d, "serverErrors": %d, "clientErrors": %d, "timeouts": %d, "failedRequests": %d}`,
		t.requests, total, t.server, t.client, t.timeouts, t.failing)})
	*t = tally{since: time.Now()}
}

package monitor_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/fabric"
	. "github.com/waagent-go/waagent/agent/internal/fabric/fabrictest"
	"github.com/waagent-go/waagent/agent/internal/monitor"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

type events struct {
	mu   sync.Mutex
	list []event.Event
}

func (e *events) Add(x event.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, x)
}

func (e *events) messages(operation string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []string
	for _, x := range e.list {
		if x.Operation == operation {
			list = append(list, x.Message)
		}
	}
	return list
}

type site struct {
	*monitor.Monitor
	events           *events
	host, imds, wire *Script
	mu               sync.Mutex
	seen             []wireserver.Observation
}

func run(t *testing.T, story func(t *testing.T, s *site)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &site{events: new(events), host: new(Script), imds: new(Script), wire: new(Script)}
		h := &fabric.HTTP{Dial: Net{"10.0.0.1:80": s.wire, "10.0.0.1:32526": s.host, "169.254.169.254:80": s.imds}.Dial}
		wire := &fabric.WireServer{HTTP: h, Endpoint: "10.0.0.1", Identity: new(fabric.Identity)}
		s.Monitor = &monitor.Monitor{
			Wire: wire, Host: &fabric.HostGA{HTTP: h, Wire: wire}, IMDS: &fabric.IMDS{HTTP: h}, Events: s.events,
			Log: slog.New(slog.NewTextHandler(io.Discard, nil)), HeartbeatID: "ABC",
		}
		h.Unanswered = s.Unanswered
		s.host.On("GET /health", Say(""))
		s.imds.On("GET /metadata/instance?api-version=2018-02-01", Say(`{"network":{"interface":[{"macAddress":"02","ipv4":{"ipAddress":[{"privateIpAddress":"10.0.0.4"}]}}]}}`))
		s.wire.On("POST /HealthService", func(_ http.ResponseWriter, r *http.Request) {
			var o wireserver.HealthObservations
			if json.NewDecoder(r.Body).Decode(&o) == nil {
				s.mu.Lock()
				s.seen = append(s.seen, o.Observations...)
				s.mu.Unlock()
			}
		})
		story(t, s)
	})
}

func (s *site) watch(t *testing.T, d time.Duration) {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	assert.NilError(t, s.Run(ctx))
}

// health is what was observed of name, in order, without repetition.
func (s *site) health(name string) []bool {
	var list []bool
	for _, o := range s.seen {
		if o.Name == name && (len(list) == 0 || list[len(list)-1] != o.IsHealthy) {
			list = append(list, o.IsHealthy)
		}
	}
	return list
}

func TestAnHourOfGoodHealth(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		s.watch(t, time.Hour-time.Second)
		assert.Equal(t, len(s.seen), 120)
		assert.DeepEqual(t, s.events.messages("HeartBeat"), []string{
			"HeartbeatCounter: 0;HeartbeatId: ABC;UpdateGSErrors: 0;AutoUpdate: 0;UpdateMode: SelfUpdate;",
			"HeartbeatCounter: 1;HeartbeatId: ABC;UpdateGSErrors: 0;AutoUpdate: 0;UpdateMode: SelfUpdate;",
		})
		assert.Equal(t, len(s.events.messages("HttpErrors")), 0)
	})
}

func TestTheHostIsUnhealthyAfterFiveMinutes(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		s.host.On("GET /health", Code(400, ""))
		s.watch(t, 4*time.Minute)
		assert.DeepEqual(t, s.health(wireserver.ObservePluginHeartbeat), []bool{true})
		s.watch(t, 10*time.Minute)
		assert.DeepEqual(t, s.health(wireserver.ObservePluginHeartbeat), []bool{true, false})
		assert.Equal(t, len(s.events.messages("HostPluginHeartbeatExtended")), 1)
		s.host.On("GET /health", Say(""))
		s.watch(t, time.Minute)
		assert.DeepEqual(t, s.health(wireserver.ObservePluginHeartbeat), []bool{true, false, true})
	})
}

func TestAHostThatIsAwayIsNotObserved(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{"410": Code(410, ""), "500": Code(500, ""), "429": Code(429, ""), "gone": Abort} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, s *site) {
				s.host.On("GET /health", answer)
				s.watch(t, 10*time.Minute)
				assert.Equal(t, len(s.health(wireserver.ObservePluginHeartbeat)), 0)
			})
		})
	}
}

func TestTheMetadataServiceIsBlamedForItsOwnFaultsOnly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   []bool
	}{
		"500": {Code(500, ""), []bool{true, false}}, "410": {Code(410, ""), []bool{true, false}}, "403": {Code(403, ""), []bool{true, false}},
		"no JSON": {Say("<html>"), []bool{true, false}}, "no address": {Say("{}"), []bool{true, false}},
		"400": {Code(400, ""), []bool{true}}, "404": {Code(404, ""), []bool{true}}, "429": {Code(429, ""), []bool{true}}, "reset": {Abort, []bool{true}},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, s *site) {
				s.imds.On("GET /metadata/instance?api-version=2018-02-01", c.answer)
				s.watch(t, 10*time.Minute)
				assert.DeepEqual(t, s.health(wireserver.ObserveIMDS), c.want)
			})
		})
	}
}

func TestCallsOfOtherDutiesAreObservedOnceAMinute(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		for range 61 {
			s.Asked(wireserver.ObservePluginStatus, &fabric.StatusError{Code: 505})
			s.Asked(wireserver.ObservePluginArtifact, errors.New("no answer"))
			time.Sleep(6 * time.Second)
		}
		s.Asked(wireserver.ObservePluginVersions, &fabric.StatusError{Code: 404})
		s.watch(t, time.Second)
		assert.Equal(t, len(s.seen), 10) // the two probes, and
		assert.DeepEqual(t, s.health(wireserver.ObservePluginStatus), []bool{true, false})
		assert.DeepEqual(t, s.health(wireserver.ObservePluginVersions), []bool{true})
		assert.Equal(t, s.seen[2].Description, "WireClient")
	})
}

func TestRequestsWithoutAnswerAreCounted(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		s.host.On("GET /health", Abort)
		for range 3 {
			s.Unanswered("a.blob.test:443")
		}
		s.Unanswered("10.0.0.1:80")
		s.watch(t, 31*time.Minute)
		assert.DeepEqual(t, s.events.messages("HttpErrors"), []string{"hostplugin:0;protocol:1;other:3", "hostplugin:30;protocol:0;other:0"})
	})
}

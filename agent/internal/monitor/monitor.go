// Package monitor watches the services of the host and tells the platform how they are: HostGAPlugin and the instance
// metadata service every minute, the agent itself every half hour. It mends nothing.
package monitor

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/protocol/hostga"
	"github.com/waagent-go/waagent/agent/protocol/imds"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// Monitor is the duty. Asked and Unanswered are hooks of the fabric's clients.
type Monitor struct {
	Wire   *fabric.WireServer
	Host   *fabric.HostGA
	IMDS   *fabric.IMDS
	Events event.Sink
	Log    *slog.Logger

	HeartbeatID string // one UUID for each process, upper case
	AutoUpdate  bool
	// UpdateMode is RSM or SelfUpdate; nil is SelfUpdate.
	UpdateMode func() string
	// GoalStateErrors is how many goal states could not be fetched since it was last asked; nil is none.
	GoalStateErrors func() int

	mu     sync.Mutex
	states map[string]*state
	errors map[string]int
	queue  []wireserver.Observation // of other duties' calls, sent with the next probes
}

const (
	probePeriod     = time.Minute
	heartbeatPeriod = 30 * time.Minute
	hostPatience    = 5 * time.Minute
	imdsPatience    = 3 * time.Minute
)

// Name is the duty's.
func (m *Monitor) Name() string { return "MonitorHandler" }

// Run watches until ctx ends.
func (m *Monitor) Run(ctx context.Context) error {
	count := 0
	next := time.Now()
	for {
		if !time.Now().Before(next) {
			m.heartbeat(count)
			m.networkErrors()
			count++
			next = time.Now().Add(heartbeatPeriod)
		}
		m.probeHost(ctx)
		m.probeIMDS(ctx)
		m.passOn(ctx)
		if fabric.Sleep(ctx, probePeriod) != nil {
			return nil
		}
	}
}

func (m *Monitor) heartbeat(count int) {
	mode, failed, auto := "SelfUpdate", 0, 0
	if m.UpdateMode != nil {
		mode = m.UpdateMode()
	}
	if m.GoalStateErrors != nil {
		failed = m.GoalStateErrors()
	}
	if m.AutoUpdate {
		auto = 1
	}
	m.Events.Add(event.Event{Operation: "HeartBeat", Success: true, Message: fmt.Sprintf(
		"HeartbeatCounter: %d;HeartbeatId: %s;UpdateGSErrors: %d;AutoUpdate: %d;UpdateMode: %s;",
		count, m.HeartbeatID, failed, auto, mode)})
}

// probeHost asks the plugin. An answer that says no counts; no answer, or one that blames the agent, says nothing.
func (m *Monitor) probeHost(ctx context.Context) {
	err := m.Host.Health(ctx)
	code := fabric.Code(err)
	if ctx.Err() != nil || err != nil && (code == 0 || code == 403 || code == 410 || code == 429 || code >= 500) {
		return
	}
	healthy, since := m.state(wireserver.ObservePluginHeartbeat).note(err != nil, hostPatience)
	m.observe(ctx, wireserver.ObservePluginHeartbeat, healthy, err)
	if !healthy && since {
		m.Events.Add(event.Event{Operation: "HostPluginHeartbeatExtended", Message: err.Error()})
	}
}

// probeIMDS asks the metadata service. What the agent itself did wrong, and a connection that fails on this side, are
// not the service's fault.
func (m *Monitor) probeIMDS(ctx context.Context) {
	err := m.IMDS.Health(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		m.Log.Debug("The instance metadata service is not well", "error", err)
	}
	healthy, since := m.state(wireserver.ObserveIMDS).note(imdsFault(err), imdsPatience)
	m.observe(ctx, wireserver.ObserveIMDS, healthy, err)
	if !healthy && since {
		m.Events.Add(event.Event{Operation: "ImdsHeartbeat", Message: err.Error()})
	}
}

func imdsFault(err error) bool {
	switch code := fabric.Code(err); {
	case err == nil, code == 400, code == 404, code == 429:
		return false
	case code == 0:
		return fabric.Answered(err)
	}
	return true
}

func (m *Monitor) observe(ctx context.Context, name string, healthy bool, err error) {
	o := wireserver.Observation{Name: name, IsHealthy: healthy}
	if err != nil {
		o.Value = err.Error()
	}
	m.send(ctx, o)
}

func (m *Monitor) send(ctx context.Context, o wireserver.Observation) {
	if err := m.Wire.Observe(ctx, o); err != nil && ctx.Err() == nil {
		m.Log.Debug("The health service does not take an observation", "error", err)
	}
}

// Asked is HostGA.Asked: it takes note of calls of other duties, each kind at most once a minute. It never blocks.
func (m *Monitor) Asked(name string, err error) {
	code := fabric.Code(err)
	s := m.state(name)
	o := wireserver.Observation{Name: name, IsHealthy: err == nil || code >= 400 && code < 500 && code != 410}
	if name != wireserver.ObservePluginVersions {
		if err != nil && code == 0 {
			return // no answer is the network's business
		}
		o.IsHealthy, _ = s.note(code >= 500 && code != 502, hostPatience)
		o.Description = "WireClient"
	}
	if !s.due() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queue = append(m.queue, o)
}

// passOn sends what Asked took note of.
func (m *Monitor) passOn(ctx context.Context) {
	m.mu.Lock()
	queue := m.queue
	m.queue = nil
	m.mu.Unlock()
	for _, o := range queue {
		m.send(ctx, o)
	}
}

// Unanswered is HTTP.Unanswered: it counts requests that no answer came to.
func (m *Monitor) Unanswered(hostPort string) {
	kind := "other"
	switch {
	case strings.HasSuffix(hostPort, fmt.Sprintf(":%d", hostga.Port)):
		kind = "hostplugin"
	case strings.HasPrefix(hostPort, m.Wire.Endpoint+":"):
		kind = "protocol"
	case strings.HasPrefix(hostPort, imds.Address+":"):
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.errors == nil {
		m.errors = map[string]int{}
	}
	m.errors[kind]++
}

// networkErrors reports the count since the last time, if there is any.
func (m *Monitor) networkErrors() {
	m.mu.Lock()
	counts := m.errors
	m.errors = nil
	m.mu.Unlock()
	if len(counts) > 0 {
		m.Events.Add(event.Event{Operation: "HttpErrors", Success: true, Message: fmt.Sprintf("hostplugin:%d;protocol:%d;other:%d",
			counts["hostplugin"], counts["protocol"], counts["other"])})
	}
}

package hostname

import (
	"context"
	"encoding/json"
	"log/slog"
	"path"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/distro"
	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/repeat"
)

// cloudInitName is where cloud-init writes down the name it has set.
const cloudInitName = "/var/lib/cloud/data/set-hostname"

// Monitor is the duty that follows changes of the host name: it makes them last, and publishes them.
type Monitor struct {
	Files   host.Files
	Machine distro.HostnameMachine
	Family  distro.Family
	LibDir  string
	Period  time.Duration // between two looks where nobody tells of a change
	Publish func(ctx context.Context, name string) error
	// Await returns when the kernel's name was set; ready is called once no change can be missed. May be nil.
	Await  func(ctx context.Context, ready func()) error
	Events event.Sink
	Log    *slog.Logger

	known string
}

// Name is the duty's.
func (m *Monitor) Name() string { return "HostName" }

// Run returns when ctx is done.
func (m *Monitor) Run(ctx context.Context) error {
	wake := make(chan struct{}, 1)
	go m.listen(ctx, wake)
	repeat.Every(ctx, m.Period, wake, m.Log, "Cannot look at the host name", m.Check)
	return nil
}

// listen turns the kernel's word into early looks. Where it cannot be had, Period is all there is.
func (m *Monitor) listen(ctx context.Context, wake chan<- struct{}) {
	look := func() {
		select {
		case wake <- struct{}{}:
		default: // a look is due already
		}
	}
	for m.Await != nil {
		if err := m.Await(ctx, look); err != nil {
			return
		}
	}
}

// Check looks once.
func (m *Monitor) Check(ctx context.Context) error {
	now, err := m.Machine.Hostname()
	if err != nil {
		return err
	}
	if m.known == "" {
		m.known = m.remembered(now)
	}
	if now == m.known {
		return nil
	}
	m.Log.Info("Detected hostname change: " + m.known + " -> " + now)
	m.known = now // whatever happens next, the same change is not met again
	began := time.Now()
	err = m.Family.SetHostname(ctx, m.Files, m.Machine, now)
	if err == nil {
		err = m.Publish(ctx, now)
	}
	if err != nil && ctx.Err() == nil {
		m.Events.Add(event.Event{Operation: "HostnamePublishing", Message: err.Error(), Duration: time.Since(began)})
	}
	return err
}

// remembered is the name that was published last; without a record the one that cloud-init has set, or else the
// present one, counts as published.
func (m *Monitor) remembered(now string) string {
	record := path.Join(m.LibDir, recordName)
	if text, err := m.Files.ReadFile(record); err == nil && strings.TrimSpace(string(text)) != "" {
		return strings.TrimSpace(string(text))
	}
	name := now
	if text, err := m.Files.ReadFile(cloudInitName); err == nil {
		var set struct{ Hostname string }
		if json.Unmarshal(text, &set) == nil && set.Hostname != "" {
			name = set.Hostname
		}
	}
	if err := m.Files.WriteAtomic(record, []byte(name), 0o644); err != nil {
		m.Log.Warn("Cannot write down the host name", "file", record, "error", err.Error())
	}
	return name
}

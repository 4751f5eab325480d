package world

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/protocol/hostga"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
	"github.com/waagent-go/waagent/fabricsim/control"
)

// maxHealth bounds the health reports kept of a VM.
const maxHealth = 1000

// AddHealth notes a health report.
func (w *World) AddHealth(id string, r control.HealthReport) error {
	return w.update(id, func(v *vm) error {
		r.Time = time.Now()
		if len(v.seen.Health) >= maxHealth {
			v.seen.Health = v.seen.Health[1:]
		}
		v.seen.Health = append(v.seen.Health, r)
		return nil
	})
}

// SetProperty notes a role property.
func (w *World) SetProperty(id, name, value string) error {
	return w.update(id, func(v *vm) error {
		v.seen.Properties[name] = value
		return nil
	})
}

// SetTransport notes to which certificate an answer was encrypted.
func (w *World) SetTransport(id string, t control.Transport) error {
	return w.update(id, func(v *vm) error {
		v.seen.Transport = &t
		return nil
	})
}

// AddEvents notes telemetry events; the oldest make room.
func (w *World) AddEvents(id string, events []control.Event) error {
	return w.update(id, func(v *vm) error {
		for _, e := range events {
			v.lastEvent++
			e.N, e.Time = v.lastEvent, time.Now()
			v.events = append(v.events, e)
		}
		if over := len(v.events) - w.KeepEvents; over > 0 {
			v.events = append([]control.Event(nil), v.events[over:]...)
		}
		v.seen.Events += len(events)
		return nil
	})
}

// Events are a VM's telemetry events from number n on.
func (w *World) Events(id string, n int64) ([]control.Event, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.vms[id]
	if v == nil {
		return nil, ErrNoVM
	}
	out := []control.Event{}
	for _, e := range v.events {
		if e.N >= n {
			out = append(out, e)
		}
	}
	return out, nil
}

// AddObservations notes what the guest says of the host's services: the latest word of each.
func (w *World) AddObservations(id string, list []wireserver.Observation) error {
	return w.update(id, func(v *vm) error {
	next:
		for _, o := range list {
			for i := range v.seen.Observations {
				if have := &v.seen.Observations[i]; have.Name == o.Name {
					have.Observation, have.Time = o, time.Now()
					have.Count++
					continue next
				}
			}
			v.seen.Observations = append(v.seen.Observations, control.Observation{Observation: o, Time: time.Now(), Count: 1})
		}
		return nil
	})
}

// SetLogs keeps the latest uploaded log archive.
func (w *World) SetLogs(id string, archive []byte) error {
	return w.update(id, func(v *vm) error {
		v.logs = archive
		v.seen.LogUploads++
		return nil
	})
}

// Logs is the latest uploaded log archive, nil if there was none.
func (w *World) Logs(id string) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.vms[id]
	if v == nil {
		return nil, ErrNoVM
	}
	return v.logs, nil
}

// Touch notes that a VM asked for something.
func (w *World) Touch(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v := w.vms[id]; v != nil {
		v.seen.LastRequest = time.Now()
	}
}

// StatusWritten notes the status blob a VM has written, and says what is wrong with it. Known is false for a blob
// that is nobody's status.
func (w *World) StatusWritten(account, path, via string, data []byte) (known bool, err error) {
	if account != statusAccount {
		return false, nil
	}
	w.mu.Lock()
	id := w.statusOf[path]
	w.mu.Unlock()
	if id == "" {
		return false, nil
	}
	text := bytes.Trim(data, " \x00")
	var s control.Status
	s.Time, s.Via, s.Raw = time.Now(), via, bytes.Clone(text)
	if err := json.Unmarshal(text, &s.Decoded); err != nil {
		return true, fmt.Errorf("status blob: %w", err)
	}
	err = w.update(id, func(v *vm) error {
		v.seen.Status = &s
		v.seen.StatusCount++
		return nil
	})
	return true, errors.Join(err, checkStatus(text))
}

// checkStatus says what the fabric would not understand in a status blob.
func checkStatus(text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var s hostga.VMStatus
	if err := dec.Decode(&s); err != nil {
		return fmt.Errorf("status blob: %w", err)
	}
	switch {
	case s.Version != "1.1":
		return fmt.Errorf("status blob: version %q", s.Version)
	case s.Aggregate.Handlers == nil:
		return errors.New("status blob: handlerAggregateStatus is no array")
	}
	if _, err := time.Parse("2006-01-02T15:04:05Z", s.TimestampUTC); err != nil {
		return fmt.Errorf("status blob: timestampUTC %q", s.TimestampUTC)
	}
	for _, h := range s.Aggregate.Handlers {
		if h.Name == "" || h.Version == "" || !strings.Contains(" Ready NotReady Installing Unresponsive ", " "+h.Status+" ") {
			return fmt.Errorf("status blob: handler %q %q with status %q", h.Name, h.Version, h.Status)
		}
	}
	return nil
}

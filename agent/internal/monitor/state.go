package monitor

import (
	"sync"
	"time"
)

// state is how long something has been failing.
type state struct {
	mu    sync.Mutex
	since time.Time // of the first failure in a row; zero: it works
	told  bool
	sent  time.Time // the last observation
}

func (m *Monitor) state(name string) *state {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.states == nil {
		m.states = map[string]*state{}
	}
	if m.states[name] == nil {
		m.states[name] = new(state)
	}
	return m.states[name]
}

// note takes a failure or a success. Failing counts as unhealthy once it has lasted for patience; first tells the
// moment when it does.
func (s *state) note(failed bool, patience time.Duration) (healthy, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !failed {
		s.since, s.told = time.Time{}, false
		return true, false
	}
	if s.since.IsZero() {
		s.since = time.Now()
	}
	if time.Since(s.since) < patience {
		return true, false
	}
	first, s.told = !s.told, true
	return false, first
}

// due reports whether an observation may be sent, and notes that it is.
func (s *state) due() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.sent.IsZero() && time.Since(s.sent) < time.Minute {
		return false
	}
	s.sent = time.Now()
	return true
}

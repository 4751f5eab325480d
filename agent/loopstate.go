package agent

import (
	"log/slog"
	"slices"
	"sync"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/status"
)

// loopState is what the poll and the processing of goal states tell each other.
type loopState struct {
	mu        sync.Mutex
	wanted    goalstate.Wanted
	works     bool // Fast Track
	processed *status.GoalState
	failures  int  // goal states that could not be fetched since somebody asked
	settled   bool // every extension of the first goal state has come to an end, or another has come

	waited bool // the processing's own: cloud-init has been waited for
}

func (s *loopState) put(w goalstate.Wanted, fastTrackWorks bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted, s.works = w, fastTrackWorks
}

// fetched counts failures to fetch.
func (s *loopState) fetched(err error) {
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures++
}

// failed is how many there were since it was last asked.
func (s *loopState) failed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.failures
	s.failures = 0
	return n
}

// fastTrack reports whether the goal state in force came by Fast Track.
func (s *loopState) fastTrack() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wanted.Source == goalstate.FastTrack
}

// fastTrackWorks reports whether Fast Track goal states can be had here.
func (s *loopState) fastTrackWorks() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.works
}

func (s *loopState) done(g *status.GoalState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g != nil {
		s.processed = g
	}
}

// goalState is how the last goal state that was processed went; nil before the first.
func (s *loopState) goalState() *status.GoalState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.processed
}

// note looks at a report and remembers once everything in it has come to an end; true: it just has.
func (s *loopState) note(handlers []status.Handler) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.processed == nil || s.settled {
		return false
	}
	s.settled = !slices.ContainsFunc(handlers, func(h status.Handler) bool {
		if h.Extension != nil {
			return h.Extension.Status != status.Success && h.Extension.Status != status.Error
		}
		return h.Status != status.Ready && h.Status != status.NotReady
	})
	return s.settled
}

// settle ends the time of the first goal state, because another has come; true: it just has.
func (s *loopState) settle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.settled
	s.settled = true
	return !was
}

func (s *loopState) converged() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settled
}

// failures logs a thing that goes wrong each period once per cause, and once that it goes well again.
type failures struct {
	log  *slog.Logger
	last map[string]string
}

func (f *failures) note(what string, err error) {
	if f.last == nil {
		f.last = map[string]string{}
	}
	switch was := f.last[what]; {
	case err == nil && was != "":
		f.last[what] = ""
		f.log.Info(what + ": this works again")
	case err != nil && was != err.Error():
		f.last[what] = err.Error()
		f.log.Warn(what, "error", err)
	}
}

package scenarios

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Timeline is the story of a run as it happens: one line each, with the time since the start.
type Timeline struct {
	out   io.Writer
	start time.Time

	mu     sync.Mutex
	events []Moment
	seen   map[string]bool
}

// Moment is one line of a timeline.
type Moment struct {
	At   time.Duration `json:"at"` // since the start
	What string        `json:"what"`
}

// NewTimeline starts the clock; out may be nil when only the record is wanted.
func NewTimeline(out io.Writer) *Timeline {
	return &Timeline{out: out, start: time.Now(), seen: map[string]bool{}}
}

// Say adds a line.
func (t *Timeline) Say(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := Moment{At: time.Since(t.start), What: fmt.Sprintf(format, args...)}
	t.events = append(t.events, m)
	if t.out != nil {
		fmt.Fprintf(t.out, "%7.1fs  %s\n", m.At.Seconds(), m.What)
	}
}

// Once is Say for what is interesting the first time only.
func (t *Timeline) Once(what string) {
	t.mu.Lock()
	known := t.seen[what]
	t.seen[what] = true
	t.mu.Unlock()
	if !known {
		t.Say("%s", what)
	}
}

// Moments is a copy of what was said so far.
func (t *Timeline) Moments() []Moment {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Moment(nil), t.events...)
}

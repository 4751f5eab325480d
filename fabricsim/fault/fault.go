// Package fault spoils answers by a playbook: which request goes wrong, how often, and how. Steps are exact, not dice:
// the first step that matches a request and is not used up spoils it, so several steps for one route happen in their
// order and then all is well again. A step with a Chance is the exception, for soak runs; its seed makes it repeat.
package fault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"
)

// Step is one line of a playbook: whom it hits and what it does. Several actions may be combined, say a delay with
// a status.
type Step struct {
	Route  string  `json:"route,omitempty" yaml:"route,omitempty"`   // a route's name, or a pattern as path.Match knows them; "" is any
	VM     string  `json:"vm,omitempty" yaml:"vm,omitempty"`         // "" is any
	Method string  `json:"method,omitempty" yaml:"method,omitempty"` // "" is any
	Skip   int     `json:"skip,omitempty" yaml:"skip,omitempty"`     // so many matching requests pass first
	Count  int     `json:"count,omitempty" yaml:"count,omitempty"`   // how many are hit; 0 is one, negative is all
	Chance float64 `json:"chance,omitempty" yaml:"chance,omitempty"` // 0 is always; needs a Seed
	Seed   uint64  `json:"seed,omitempty" yaml:"seed,omitempty"`

	Delay  Duration          `json:"delay,omitempty" yaml:"delay,omitempty"`   // wait first
	Status int               `json:"status,omitempty" yaml:"status,omitempty"` // answer this instead
	Code   string            `json:"code,omitempty" yaml:"code,omitempty"`     // error code in the body of Status
	Body   string            `json:"body,omitempty" yaml:"body,omitempty"`     // this body instead
	Header map[string]string `json:"header,omitempty" yaml:"header,omitempty"` // added to the answer
	// Truncate ends the connection after so many bytes of the body, or a share of it: "100", "half", "30%".
	Truncate string `json:"truncate,omitempty" yaml:"truncate,omitempty"`
	// Reset resets the connection in the middle of the body; Refuse does so before any answer.
	Reset  bool `json:"reset,omitempty" yaml:"reset,omitempty"`
	Refuse bool `json:"refuse,omitempty" yaml:"refuse,omitempty"`
	// WrongLength is added to Content-Length; the body stays as it is and the connection is closed after it.
	WrongLength int      `json:"wrongLength,omitempty" yaml:"wrongLength,omitempty"`
	Garbage     bool     `json:"garbage,omitempty" yaml:"garbage,omitempty"` // a body of the right length that means nothing
	Drip        Duration `json:"drip,omitempty" yaml:"drip,omitempty"`       // pause after every 64 bytes of the body
	Stale       bool     `json:"stale,omitempty" yaml:"stale,omitempty"`     // the previous goal state's document
	// Certificate: for the route "certificates", "rotate" (a new tenant certificate from now on), "wrong-recipient", or
	// "rc2", "aes", "plain" (another encryption of the PKCS#12);
	// for the route "tls" (blob storage), "expired", "wrong-name" or "unknown-ca".
	Certificate string `json:"certificate,omitempty" yaml:"certificate,omitempty"`
}

// Duration is a time.Duration written as "12s".
type Duration time.Duration

// MarshalText writes the duration as time.Duration does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// String is the step in short, for journals and reports.
func (s Step) String() string {
	var b strings.Builder
	b.WriteString(s.Route)
	add := func(set bool, format string, args ...any) {
		if set {
			fmt.Fprintf(&b, " "+format, args...)
		}
	}
	add(s.VM != "", "vm %s", s.VM)
	add(s.Method != "", "%s", s.Method)
	add(s.Delay != 0, "delay %s", time.Duration(s.Delay))
	add(s.Status != 0, "status %d", s.Status)
	add(s.Code != "", "%s", s.Code)
	add(s.Body != "", "body")
	add(s.Truncate != "", "truncate %s", s.Truncate)
	add(s.Reset, "reset")
	add(s.Refuse, "refuse")
	add(s.WrongLength != 0, "wrong length %+d", s.WrongLength)
	add(s.Garbage, "garbage")
	add(s.Drip != 0, "drip %s", time.Duration(s.Drip))
	add(s.Stale, "stale")
	add(s.Certificate != "", "certificate %s", s.Certificate)
	return strings.TrimSpace(b.String())
}

// Parse reads a playbook: a YAML (or JSON) list of steps.
func Parse(data []byte) ([]Step, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	var steps []Step
	if err := dec.Decode(&steps); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("playbook: %w", err)
	}
	for i, s := range steps {
		if err := s.Check(); err != nil {
			return nil, fmt.Errorf("playbook, step %d: %w", i+1, err)
		}
	}
	return steps, nil
}

// Check says what makes no sense in a step.
func (s Step) Check() error {
	if _, err := path.Match(s.Route, ""); err != nil {
		return fmt.Errorf("route %q: %w", s.Route, err)
	}
	if _, err := cut(s.Truncate, 100); err != nil {
		return err
	}
	if s.Chance < 0 || s.Chance > 1 {
		return fmt.Errorf("chance %g is not between 0 and 1", s.Chance)
	}
	switch s.Certificate {
	case "", "rotate", "wrong-recipient", "rc2", "aes", "plain", "expired", "wrong-name", "unknown-ca":
	default:
		return fmt.Errorf("certificate %q is unknown", s.Certificate)
	}
	if s.String() == (Step{Route: s.Route, VM: s.VM, Method: s.Method}).String() && len(s.Header) == 0 {
		return fmt.Errorf("step for route %q does nothing", s.Route)
	}
	return nil
}

// State is a step and how often it has hit.
type State struct {
	ID   int64 `json:"id"`
	Step Step  `json:"step"`
	Hits int   `json:"hits"`
	Left int   `json:"left"` // hits still to come; -1 for a step without end
}

// Unused reports whether the step has hits left that were asked for. Steps without end or by chance never have.
func (s State) Unused() bool { return s.Step.Chance == 0 && (s.Left > 0 || s.Left < 0 && s.Hits == 0) }

// Playbook is the steps in force. Its zero value is an empty one; it may be used by many goroutines at once.
type Playbook struct {
	mu    sync.Mutex
	last  int64
	steps []*live
}

type live struct {
	State
	skip int
	dice *rand.Rand
}

// Add appends steps, all or none of them.
func (p *Playbook) Add(steps ...Step) error {
	for _, s := range steps {
		if err := s.Check(); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range steps {
		p.last++
		left := s.Count
		switch {
		case left < 0, s.Chance > 0 && left == 0:
			left = -1
		case left == 0:
			left = 1
		}
		l := &live{State: State{ID: p.last, Step: s, Left: left}, skip: s.Skip}
		if s.Chance > 0 {
			l.dice = rand.New(rand.NewPCG(s.Seed, 0))
		}
		p.steps = append(p.steps, l)
	}
	return nil
}

// Clear forgets all steps.
func (p *Playbook) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.steps = nil
}

// List tells how far the steps are, used-up ones included.
func (p *Playbook) List() []State {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]State, 0, len(p.steps))
	for _, l := range p.steps {
		out = append(out, l.State)
	}
	return out
}

// Take finds the step that spoils this request and counts it; nil when all is well.
func (p *Playbook) Take(route, vm, method string) *Step {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.steps {
		if l.Left == 0 || !l.Step.matches(route, vm, method) {
			continue
		}
		if l.skip > 0 {
			l.skip--
			continue
		}
		if l.dice != nil && l.dice.Float64() >= l.Step.Chance {
			continue
		}
		l.Hits++
		if l.Left > 0 {
			l.Left--
		}
		return &l.Step
	}
	return nil
}

func (s *Step) matches(route, vm, method string) bool {
	ok := s.Route == "" || s.Route == route
	if !ok {
		ok, _ = path.Match(s.Route, route)
	}
	return ok && (s.VM == "" || s.VM == vm) && (s.Method == "" || strings.EqualFold(s.Method, method))
}

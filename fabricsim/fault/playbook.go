package fault

import (
	"math/rand/v2"
	"path"
	"strings"
	"sync"
)

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

// Package fault spoils answers by a playbook: which request goes wrong, how often, and how. Steps are exact, not dice:
// the first step that matches a request and is not used up spoils it, so several steps for one route happen in their
// order and then all is well again. A step with a Chance is the exception, for soak runs; its seed makes it repeat.
package fault

import (
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/waagent-go/waagent/ovfgen/specfile"
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
	add(s.Chance != 0, "chance %g seed %d", s.Chance, s.Seed)
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
	var steps []Step
	if _, err := specfile.Decode(data, &steps); err != nil {
		return nil, specfile.In("playbook", err)
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
	if s.String() == (Step{Route: s.Route, VM: s.VM, Method: s.Method, Chance: s.Chance, Seed: s.Seed}).String() && len(s.Header) == 0 {
		return fmt.Errorf("step for route %q does nothing", s.Route)
	}
	return nil
}

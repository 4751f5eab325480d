// Package event is how a duty tells the fabric that something happened: one small value, handed to a Sink. It never
// sends anything; telemetry does.
package event

import "time"

// Event is an operation event (provider 69B669B9-4AF8-4C50-BDC4-6006FA76E975, event id 1).
type Event struct {
	Name      string // "WALinuxAgent" or the handler's name; "" means the agent
	Version   string // of the agent or the handler; "" means the agent's
	Operation string // the fabric's own words: Provision, Install, HeartBeat, ReportStatus, …
	Success   bool
	Message   string // no secrets; SAS queries are redacted by the sink as well
	Duration  time.Duration
}

// Sink takes events; it never blocks and never fails. It is safe for concurrent use.
type Sink interface{ Add(Event) }

// Discard is a Sink that forgets.
type Discard struct{}

// Add does nothing.
func (Discard) Add(Event) {}

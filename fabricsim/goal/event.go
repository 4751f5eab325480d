package goal

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Statuses of a scheduled event. There is none for its end: then it is no longer listed.
const (
	EventScheduled = "Scheduled"
	EventStarted   = "Started"
)

// ScheduledEvent is one that instance metadata announces to a VM. It starts when the guest approves it or its time has
// come, and is over once it is taken out of the VM's spec. Only Type is mandatory.
type ScheduledEvent struct {
	ID          string    `yaml:"id,omitempty" json:"id,omitempty"`                // a GUID
	Type        string    `yaml:"type" json:"type"`                                // Freeze, Reboot, Redeploy, Preempt, Terminate
	Resources   []string  `yaml:"resources,omitempty" json:"resources,omitempty"`  // names of VMs; nil is this one
	Status      string    `yaml:"status,omitempty" json:"status,omitempty"`        // Scheduled, also when "", or Started
	NotBefore   time.Time `yaml:"not_before,omitempty" json:"not_before,omitzero"` // zero: as soon as its type can
	Description string    `yaml:"description,omitempty" json:"description,omitempty"`
	Source      string    `yaml:"source,omitempty" json:"source,omitempty"`   // Platform, also when "", or User
	Seconds     *int      `yaml:"seconds,omitempty" json:"seconds,omitempty"` // of the interruption; nil is unknown
}

// notice is the least time from an event's announcement to its start.
func notice(eventType string) (time.Duration, bool) {
	n, ok := map[string]time.Duration{
		"Freeze": 15 * time.Minute, "Reboot": 15 * time.Minute, "Redeploy": 10 * time.Minute, "Preempt": 30 * time.Second,
		"Terminate": 5 * time.Minute,
	}[eventType]
	return n, ok
}

// check fills in what is empty in the n-th event of VM v.
func (e *ScheduledEvent) check(v *VM, n int) error {
	least, ok := notice(e.Type)
	if !ok {
		return fmt.Errorf("VM %s: there are no scheduled events of type %q", v.ID, e.Type)
	}
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&e.ID, GUID("event/"+e.Type, v.ID+"/"+strconv.Itoa(n)))
	set(&e.Status, EventScheduled)
	set(&e.Source, "Platform")
	set(&e.Description, "Host server is undergoing maintenance.")
	if len(e.Resources) == 0 {
		e.Resources = []string{v.Name}
	}
	if e.NotBefore.IsZero() {
		e.NotBefore = time.Now().Add(least)
	}
	if !slices.Contains([]string{EventScheduled, EventStarted}, e.Status) || !slices.Contains([]string{"Platform", "User"}, e.Source) {
		return fmt.Errorf("VM %s: status %q or source %q of a scheduled event is unknown", v.ID, e.Status, e.Source)
	}
	return nil
}

package world

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/waagent-go/waagent/fabricsim/goal"
)

// schedule replaces a VM's scheduled events and counts the change, if it is one.
func (v *vm) schedule(events []goal.ScheduledEvent) {
	if len(events) == len(v.spec.ScheduledEvents) && (len(events) == 0 || reflect.DeepEqual(events, v.spec.ScheduledEvents)) {
		return
	}
	v.spec.ScheduledEvents = events
	v.eventsChange++
}

// ScheduledEvents are a VM's events now and the incarnation of their document, from 1 on. What was due has started.
func (w *World) ScheduledEvents(id string) (incarnation int, events []goal.ScheduledEvent, err error) {
	w.mu.Lock()
	v := w.vms[id]
	if v == nil {
		w.mu.Unlock()
		return 0, nil, ErrNoVM
	}
	due := slices.ContainsFunc(v.spec.ScheduledEvents, isDue)
	incarnation, events = v.eventsChange+1, v.spec.ScheduledEvents
	w.mu.Unlock()
	if !due {
		return incarnation, events, nil
	}
	err = w.update(id, func(v *vm) error {
		v.start(isDue)
		incarnation, events = v.eventsChange+1, v.spec.ScheduledEvents
		return nil
	})
	return incarnation, events, err
}

func isDue(e goal.ScheduledEvent) bool {
	return e.Status == goal.EventScheduled && !time.Now().Before(e.NotBefore)
}

// ApproveEvents starts those events of a VM; there must be all of them. One that has started already stays so.
func (w *World) ApproveEvents(id string, events []string) error {
	return w.update(id, func(v *vm) error {
		for _, e := range events {
			if !slices.ContainsFunc(v.spec.ScheduledEvents, func(have goal.ScheduledEvent) bool { return have.ID == e }) {
				return fmt.Errorf("there is no event %q", e)
			}
		}
		v.start(func(e goal.ScheduledEvent) bool { return slices.Contains(events, e.ID) })
		return nil
	})
}

// start starts the events that which says yes to. Lists that are out in the world stay as they are.
func (v *vm) start(which func(goal.ScheduledEvent) bool) {
	events := slices.Clone(v.spec.ScheduledEvents)
	for i, e := range events {
		if which(e) {
			events[i].Status = goal.EventStarted
		}
	}
	v.schedule(events)
}

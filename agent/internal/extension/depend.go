package extension

import (
	"context"
	"fmt"
	"time"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/status"
)

const (
	dependencyDeadline = 90 * time.Minute // for all waits of one goal state together
	dependencyPoll     = 5 * time.Second
)

// depend waits until an item that others may depend on has reached its goal, and blocks the others if it has not.
func (p *processing) depend(ctx context.Context, it *item, failure error) error {
	if it.key < 0 || it.key >= p.last || p.blocked != "" {
		return nil
	}
	if failure != nil {
		p.block(fmt.Sprintf("Skipping processing of extensions since execution of dependent extension %s failed", it.fullName()))
		return nil
	}
	if it.ext == nil {
		return nil
	}
	if err := p.settle(); err != nil { // the wait may be long
		return err
	}
	got, err := p.await(ctx, it)
	if err != nil {
		return err
	}
	if got != status.Success {
		p.block(fmt.Sprintf("Dependent Extension %s did not succeed. Status was %s", it.fullName(), got))
	}
	return nil
}

func (p *processing) block(why string) {
	p.blocked = why
	p.e.log.Error(why)
	p.e.o.Events.Add(event.Event{Operation: "ExtensionProcessing", Message: why})
}

// await returns the status of an extension once it is final, or what it is when the time is over.
func (p *processing) await(ctx context.Context, it *item) (string, error) {
	tick := time.NewTicker(dependencyPoll)
	defer tick.Stop()
	over := time.NewTimer(time.Until(p.deadline))
	defer over.Stop()
	for {
		got := it.waitedStatus()
		if got == status.Success || got == status.Error {
			return got, nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-over.C:
			return got + " (timed out)", nil
		case <-tick.C:
		}
	}
}

// waitedStatus is the extension's own word; as long as it says nothing it is to be waited for.
func (it *item) waitedStatus() string {
	x, found := it.h.extensionStatus(*it.ext)
	if !found {
		return status.Warning
	}
	return x.Status
}

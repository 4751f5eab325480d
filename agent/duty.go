package agent

import (
	"context"
	"fmt"
	"sync"
)

// Duty is one thing the goal-state process does all the time. It rides out its own troubles, so an error from Run
// means "restart me".
type Duty interface {
	Name() string
	Run(ctx context.Context) error // returns when ctx is done, or when it cannot go on
}

// runAll returns once every duty has; the first failure stops the others.
func runAll(parent context.Context, duties ...Duty) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	var wg sync.WaitGroup
	for _, d := range duties {
		wg.Go(func() {
			if err := d.Run(ctx); err != nil {
				cancel(fmt.Errorf("%s: %w", d.Name(), err))
			}
		})
	}
	wg.Wait()
	if parent.Err() != nil {
		return nil // asked to stop, and did
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return nil
}

// dutyFunc makes a Duty of a function.
type dutyFunc struct {
	name string
	run  func(ctx context.Context) error
}

func (d dutyFunc) Name() string                  { return d.name }
func (d dutyFunc) Run(ctx context.Context) error { return d.run(ctx) }

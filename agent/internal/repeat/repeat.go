// Package repeat runs a duty's check again and again. A check that fails says so and is tried again at the next turn;
// it never ends the duty.
package repeat

import (
	"context"
	"log/slog"
	"time"
)

// Quiet is how long the same complaint is not repeated.
const Quiet = time.Hour

// Every calls check at once and then each period after its end, until ctx is done. wake, when not nil, makes a turn
// come early. What check returns is logged as a warning, the same text at most once per Quiet.
func Every(ctx context.Context, period time.Duration, wake <-chan struct{}, log *slog.Logger, what string, check func(context.Context) error) {
	if period <= 0 {
		period = 30 * time.Second
	}
	said := map[string]time.Time{}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-wake:
		}
		if err := check(ctx); err != nil && ctx.Err() == nil {
			if last, ok := said[err.Error()]; !ok || time.Since(last) >= Quiet {
				clear(said) // complaints that differ each time must not pile up
				said[err.Error()] = time.Now()
				log.Warn(what, "error", err.Error())
			}
		}
		timer.Reset(period)
	}
}

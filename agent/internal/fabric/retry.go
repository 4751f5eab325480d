package fabric

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Retry says how often and how patiently a request is made again. The zero value is the default of nearly all calls:
// six attempts, 2, 3, 5, 8 and 13 seconds apart.
type Retry struct {
	Attempts int           // 0 is 6; Forever never gives up
	First    time.Duration // the unit of the Fibonacci waits; 0 is 1 s
	Max      time.Duration // the longest wait; 0 is no bound
	On       []int         // codes worth another try besides the usual ones

	// Throttled answers (403, 429, 503) are met with many short waits.
	ThrottleAttempts int           // at least so many attempts once throttled; 0 is 25
	ThrottleWait     time.Duration // 0 is 1 s

	// StopOnTimeout gives up at the first time-out: there is another channel to try.
	StopOnTimeout bool
	// Failed, when set, is told of every failed attempt that will be followed by another.
	Failed func(err error, attempt int, wait time.Duration)
}

// Forever is an Attempts that only the context ends.
const Forever = -1

// Once tries a single time, more only when throttled.
func Once() Retry { return Retry{Attempts: 1} }

// Raw tries a single time, whatever happens.
func Raw() Retry { return Retry{Attempts: 1, ThrottleAttempts: 1} }

const (
	defaultAttempts         = 6
	defaultThrottleAttempts = 25
)

// do calls try until it succeeds, fails for good, or the attempts are used up.
func (r Retry) do(ctx context.Context, what string, try func(attempt int) error) error {
	w := waits{Retry: r, attempts: orDefault(r.Attempts, defaultAttempts), a: 1, b: 2}
	for attempt := 1; ; attempt++ {
		err := try(attempt)
		if err == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return err
		}
		if !r.retryable(err) {
			return err
		}
		wait := w.next(err)
		if w.attempts != Forever && attempt >= w.attempts {
			if attempt == 1 {
				return err
			}
			return fmt.Errorf("%s: gave up after %d attempts: %w", what, attempt, err)
		}
		if r.Failed != nil {
			r.Failed(err, attempt, wait)
		}
		if ctxErr := Sleep(ctx, wait); ctxErr != nil {
			return errors.Join(ctxErr, err)
		}
	}
}

// waits holds the state of one series of attempts.
type waits struct {
	Retry
	attempts  int
	throttled bool
	a, b      time.Duration // neighbours in the Fibonacci series
}

// next is the pause after err. A throttled answer switches the rest of the series to short fixed pauses.
func (w *waits) next(err error) time.Duration {
	if slices.Contains(throttling, Code(err)) {
		w.throttled = true
		if least := orDefault(w.ThrottleAttempts, defaultThrottleAttempts); w.attempts != Forever {
			w.attempts = max(w.attempts, least)
		}
	}
	wait := w.b * orDefault(w.First, time.Second)
	w.a, w.b = w.b, w.a+w.b
	if w.b > 1e6 {
		w.a, w.b = 514229, 832040 // far enough, and no overflow however long it goes on
	}
	if w.throttled {
		wait = orDefault(w.ThrottleWait, time.Second)
	}
	if w.Max > 0 {
		wait = min(wait, w.Max)
	}
	return wait
}

var (
	throttling = []int{http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable}
	transient  = []int{205, 206, 403, 429, 500, 501, 502, 503, 504, 507}
)

func (r Retry) retryable(err error) bool {
	if code := Code(err); code != 0 {
		return slices.Contains(transient, code) || slices.Contains(r.On, code)
	}
	if r.StopOnTimeout && TimedOut(err) {
		return false
	}
	return !hopeless(err)
}

// Sleep waits for d or for the end of ctx, whose error it then returns.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

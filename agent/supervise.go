package agent

import (
	"context"
	"log/slog"
	"time"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/machine"
)

// supervisor keeps one goal-state process running for as long as the daemon lives.
type supervisor struct {
	spawn  func(ctx context.Context) (machine.Process, error)
	log    *slog.Logger
	events event.Sink
}

const (
	// settled is how long a goal-state process lives before its start counts as a success.
	settled = 15 * time.Minute
	// graceful is how long a goal-state process has to stop before it is killed.
	graceful = 20 * time.Second
)

// restartPause is how long to wait before the next start: nothing after a planned end (an update, an orphan), more
// and more after each end that came too soon.
func restartPause(code, failures int) time.Duration {
	if code <= 0 {
		return 0
	}
	return min(time.Duration(failures)*time.Second, 15*time.Second)
}

// run starts the goal-state process again whenever it ends, until ctx is done; then it stops it and waits for it.
func (s *supervisor) run(ctx context.Context) error {
	failures := 0
	for ctx.Err() == nil {
		code, lived, err := s.once(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			failures++
			s.log.Error("Failed to start the goal state process", "error", err)
			code = 1
		case code > 0 && lived < settled:
			failures++
			s.log.Warn("The goal state process ended", "exit", code, "lived", lived.Round(time.Second))
			s.events.Add(event.Event{Operation: "Enable", Message: "the goal state process ended early", Duration: lived})
		default:
			failures = 0
			s.log.Info("The goal state process ended", "exit", code)
		}
		if fabric.Sleep(ctx, restartPause(code, failures)) != nil {
			return nil
		}
	}
	return nil
}

// once runs one goal-state process to its end.
func (s *supervisor) once(ctx context.Context) (code int, lived time.Duration, err error) {
	start := time.Now()
	child, err := s.spawn(ctx)
	if err != nil {
		return 0, 0, err
	}
	s.log.Info("Started the goal state process", "pid", child.Pid())
	code, err = child.Wait(ctx)
	if ctx.Err() != nil {
		return 0, time.Since(start), s.stop(context.WithoutCancel(ctx), child)
	}
	return code, time.Since(start), err
}

// stop asks the process to end, and makes it.
func (s *supervisor) stop(ctx context.Context, child machine.Process) error {
	ctx, cancel := context.WithTimeout(ctx, graceful)
	defer cancel()
	if err := child.Signal(false); err != nil {
		return err
	}
	if _, err := child.Wait(ctx); err == nil {
		return nil
	}
	return child.Signal(true)
}

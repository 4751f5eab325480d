package provision

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// step is one act of provisioning. Doing it twice leaves what doing it once leaves.
type step struct {
	name string
	run  func(ctx context.Context) error
}

// StepError says which step failed.
type StepError struct {
	Step string
	Err  error
}

func (e *StepError) Error() string { return e.Err.Error() + " (step " + e.Step + ")" }

// Unwrap is the step's own error.
func (e *StepError) Unwrap() error { return e.Err }

// do runs steps one after the other and logs when each starts and ends.
func (p *Provisioner) do(ctx context.Context, steps ...step) error {
	for _, s := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.reach("step." + s.name); err != nil {
			return err
		}
		p.Log.Info("Step started", "step", s.name)
		begun := time.Now()
		err := s.run(ctx)
		took := time.Since(begun)
		p.times.add(s.name, took)
		if err != nil {
			p.Log.Info("Step failed", "step", s.name, "took", took)
			return &StepError{Step: s.name, Err: err}
		}
		p.Log.Info("Step finished", "step", s.name, "took", took)
	}
	return nil
}

// breakdown is where the time of a boot went.
type breakdown struct {
	begun  time.Time
	uptime time.Duration // when provisioning began
	steps  []stepTime
}

type stepTime struct {
	name string
	took time.Duration
}

func (b *breakdown) start(uptime time.Duration) {
	*b = breakdown{begun: time.Now(), uptime: uptime}
}

func (b *breakdown) add(name string, took time.Duration) {
	b.steps = append(b.steps, stepTime{name, took})
}

func (b *breakdown) elapsed() time.Duration { return time.Since(b.begun) }

// attrs are the breakdown for a log line.
func (b *breakdown) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.Duration("boot", b.uptime), slog.Duration("provisioning", b.elapsed())}
	for _, s := range b.steps {
		attrs = append(attrs, slog.Duration(s.name, s.took))
	}
	return attrs
}

// String is the breakdown for the fabric: milliseconds, the steps that took any.
func (b *breakdown) String() string {
	text := fmt.Sprintf("boot=%d provisioning=%d", b.uptime.Milliseconds(), b.elapsed().Milliseconds())
	var steps []string
	for _, s := range b.steps {
		if ms := s.took.Milliseconds(); ms > 0 {
			steps = append(steps, fmt.Sprintf("%s=%d", s.name, ms))
		}
	}
	return strings.Join(append([]string{text}, steps...), " ")
}

package agent

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/waagent-go/waagent/agent/internal/channels"
	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/internal/provision"
)

// reporter brings health reports to the fabric, in order, while provisioning goes on: a fabric that cannot be reached
// holds up nothing but the reports.
type reporter struct {
	link *link
	log  *slog.Logger

	mu     sync.Mutex
	wake   chan struct{}
	queue  []fabric.Health
	closed bool
	ready  bool
}

var _ provision.Reporter = (*reporter)(nil)

func newReporter(l *link, log *slog.Logger) *reporter {
	return &reporter{link: l, log: log, wake: make(chan struct{}, 1)}
}

// NotReady says that provisioning has begun, or why it failed.
func (r *reporter) NotReady(_ context.Context, subStatus, description string) {
	h := fabric.Failed(description)
	h.SubStatus = subStatus
	r.put(h)
}

// Ready says that the VM is ready.
func (r *reporter) Ready(context.Context) { r.put(fabric.Ready) }

func (r *reporter) put(h fabric.Health) {
	r.mu.Lock()
	r.queue = append(r.queue, h)
	r.mu.Unlock()
	r.signal()
}

// close says that no report will follow; run returns once the last one is delivered.
func (r *reporter) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.signal()
}

func (r *reporter) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// accepted reports whether the fabric took a Ready.
func (r *reporter) accepted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ready
}

// run finds the fabric, then delivers reports as they come, until close or the end of ctx.
func (r *reporter) run(ctx context.Context) {
	if err := r.link.connect(ctx); err != nil {
		if ctx.Err() != nil {
			return
		}
		r.log.Warn("Cannot write down the fabric's address", "error", err)
	}
	channels.Probe(ctx, r.link.http, r.link.wire.Endpoint, r.log)
	failed := r.link.failing()
	for {
		h, over := r.next(ctx)
		if over {
			return
		}
		if h != nil {
			r.deliver(ctx, *h, failed)
		}
	}
}

// next takes a report, or waits for one; over means that there will be none.
func (r *reporter) next(ctx context.Context) (h *fabric.Health, over bool) {
	r.mu.Lock()
	if len(r.queue) > 0 {
		h, r.queue = &r.queue[0], r.queue[1:]
	}
	closed := r.closed
	r.mu.Unlock()
	if h != nil || closed {
		return h, h == nil
	}
	select {
	case <-ctx.Done():
		return nil, true
	case <-r.wake:
		return nil, false
	}
}

func (r *reporter) deliver(ctx context.Context, h fabric.Health, failed func(error)) {
	start := time.Now()
	err := r.link.wire.ReportHealth(ctx, h, failed)
	switch {
	case err == nil:
		r.log.Info("Reported to the fabric", "state", h.State, "substatus", h.SubStatus, "took", time.Since(start).Round(time.Millisecond))
		r.mu.Lock()
		r.ready = r.ready || h.State == fabric.Ready.State
		r.mu.Unlock()
	case ctx.Err() == nil:
		r.log.Error("The fabric refused the health report", "state", h.State, "error", err)
	}
}

package agent

import (
	"context"
	"time"

	"github.com/waagent-go/waagent/agent/internal/artifact"
	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/extension"
	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/policy"
	"github.com/waagent-go/waagent/agent/internal/status"
)

// goalStateProcess is the second process: it asks the fabric what it wants, does it, and reports.
func (p *program) goalStateProcess(ctx context.Context) int {
	p.log.Info("Agent WALinuxAgent-" + p.version + " is running as the goal state agent")
	if p.files.Exists(p.lib("disable_agent")) {
		return p.asleep(ctx)
	}
	events, stop := p.eventSink()
	defer stop()
	l := p.newLink(events)
	if !l.resume() {
		if err := l.connect(ctx); err != nil {
			if ctx.Err() != nil {
				return 0
			}
			return p.exit(err)
		}
	}
	loop := p.newLoop(l, events)
	err := runAll(ctx, append(p.duties(l, events), loop.duties()...)...)
	return p.exit(err)
}

// loop polls goal states, has them processed, and reports status. Processing and reporting go on beside each other, so
// that status keeps flowing while commands run.
type loop struct {
	p       *program
	link    *link
	fetcher *goalstate.Fetcher
	engine  *extension.Engine
	upload  *status.Uploader
	events  event.Sink
	work    chan goalstate.Wanted // the newest goal state that was not taken up yet
	over    chan struct{}         // a goal state has just been processed
	state   loopState
}

func (p *program) newLoop(l *link, events event.Sink) *loop {
	lp := &loop{p: p, link: l, upload: l.uploader(), events: events, work: make(chan goalstate.Wanted, 1), over: make(chan struct{}, 1)}
	d := l.downloader(lp.state.fastTrack)
	lp.fetcher = p.fetcher(l, d, p.history())
	lp.engine = p.engine(l, d, events, lp)
	return lp
}

func (p *program) engine(l *link, d *artifact.Downloader, events event.Sink, lp *loop) *extension.Engine {
	o := extension.Options{
		Files: p.files, Machine: p.Machine, Downloader: d, LibDir: p.conf.LibDir, LogDir: p.conf.ExtensionLogDir,
		ConfigFile: p.conf.Path, Endpoint: func() string { return l.wire.Endpoint }, Disabled: !p.conf.Extensions.Enabled,
		IgnoreHold: !p.conf.EnableOverProvisioning, Log: p.log, Events: events, Failpoint: p.Failpoint,
	}
	if p.conf.Debug.EnableExtensionPolicy {
		o.Policy = func() (*policy.Policy, error) { return p.policy() }
	}
	return extension.New(o)
}

func (l *loop) duties() []Duty {
	return []Duty{dutyFunc{"GoalState", l.poll}, dutyFunc{"Extensions", l.process}}
}

// poll fetches the goal state each period, hands a new one over, and reports status.
func (l *loop) poll(ctx context.Context) error {
	said := failures{log: l.p.log}
	seen := ""
	for {
		wanted, err := l.fetcher.Fetch(ctx)
		if ctx.Err() != nil {
			return nil
		}
		said.note("Cannot fetch the goal state", err)
		if l.fetcher.Known() {
			l.state.put(wanted, l.fetcher.FastTrack())
			if wanted.ID != seen {
				seen = wanted.ID
				l.hand(wanted)
			}
			l.report(ctx, wanted, &said)
		}
		if l.p.files.Exists(l.p.lib("disable_agent")) {
			l.p.log.Info("The agent was disabled, ending", "file", l.p.lib("disable_agent"))
			return errDisabled // the supervisor starts this process again, and that one sleeps
		}
		if !l.rest(ctx, wanted, &said) {
			return nil
		}
	}
}

// rest waits for the next period. What came of a goal state is reported as soon as it is over.
func (l *loop) rest(ctx context.Context, w goalstate.Wanted, said *failures) bool {
	t := time.NewTimer(l.period())
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-t.C:
			return true
		case <-l.over:
			l.report(ctx, w, said)
		}
	}
}

// hand gives a goal state to the engine. One that is still waiting is replaced: the fabric has changed its mind.
func (l *loop) hand(w goalstate.Wanted) {
	select {
	case <-l.work:
	default:
	}
	l.work <- w // there is room: only poll puts something in
}

// process does what goal states ask, one after the other.
func (l *loop) process(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case w := <-l.work:
			r := l.engine.Process(ctx, w)
			if ctx.Err() != nil {
				return nil
			}
			if r.Err != nil {
				return r.Err
			}
			l.state.done(r.GoalState)
			select {
			case l.over <- struct{}{}:
			default: // the poll has not taken the last one up yet
			}
		}
	}
}

// period is how long to wait before the fabric is asked again.
func (l *loop) period() time.Duration {
	switch {
	case !l.p.conf.Extensions.Enabled:
		return 300 * time.Second
	case !l.state.converged():
		return l.p.conf.Extensions.InitialGoalStatePeriod
	}
	return l.p.conf.Extensions.GoalStatePeriod
}

// report builds the status blob and brings it to storage.
func (l *loop) report(ctx context.Context, w goalstate.Wanted, said *failures) {
	blob, err := l.status().Blob()
	if err != nil {
		l.p.log.Error("Cannot build the status blob", "error", err)
		return
	}
	if err := l.p.failpoint("status.upload"); err != nil {
		return
	}
	err = l.upload.Upload(ctx, w.StatusBlob.URI, w.StatusBlob.Type, blob)
	if ctx.Err() == nil {
		said.note("Cannot report the status", err)
	}
	if err := l.p.files.WriteAtomic(l.p.lib("waagent_status.json"), blob, 0o600); err != nil {
		said.note("Cannot keep the status", err)
	}
}

// status is what the blob says now.
func (l *loop) status() status.Report {
	name, _ := l.p.Machine.Hostname()
	r := status.Report{
		Time: time.Now(), AgentVersion: l.p.version, GoalState: l.state.goalState(), Handlers: l.engine.Report(),
		OS:       status.OS{ComputerName: name, Name: l.p.distro.ID, Version: l.p.distro.Version},
		Features: []status.Feature{{Key: "MultipleExtensionsPerHandler", Value: "1.0"}},
	}
	if l.state.fastTrackWorks() {
		r.Features = append(r.Features, status.Feature{Key: "FastTrack", Value: "1.0"})
	}
	return r
}

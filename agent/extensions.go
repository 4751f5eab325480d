package agent

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/artifact"
	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/extension"
	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/history"
	"github.com/waagent-go/waagent/agent/internal/lbprobe"
	"github.com/waagent-go/waagent/agent/internal/policy"
	"github.com/waagent-go/waagent/agent/internal/remoteaccess"
	"github.com/waagent-go/waagent/agent/internal/signature"
	"github.com/waagent-go/waagent/agent/internal/status"
	"github.com/waagent-go/waagent/agent/internal/telemetry"
	"github.com/waagent-go/waagent/agent/machine"
)

// goalStateProcess is the second process: it asks the fabric what it wants, does it, and reports.
func (p *program) goalStateProcess(ctx context.Context) int {
	p.frugal()
	p.log.Info("Agent WALinuxAgent-" + p.version + " is running as the goal state agent")
	if p.files.Exists(p.lib("disable_agent")) {
		return p.asleep(ctx)
	}
	recorder := p.recorder()
	l := p.newLink(recorder)
	if !l.resume() {
		if err := l.connect(ctx); err != nil {
			if ctx.Err() != nil {
				return 0
			}
			return p.exit(err)
		}
	}
	if err := l.certs.Protect("microsoft_root_certificate.pem"); err != nil {
		p.log.Warn("Cannot take permissions from keys and certificates", "error", err)
	}
	loop := p.newLoop(l, recorder)
	err := runAll(ctx, append(p.duties(l, recorder, loop.state.failed), loop.duties()...)...)
	if errors.Is(err, errPlanned) {
		return 0
	}
	return p.exit(err)
}

// errPlanned is the end of a process that has nothing left to do: the agent was disabled, or its daemon is gone.
var errPlanned = errors.New("nothing left to do")

// loop polls goal states, has them processed, and reports status. Processing and reporting go on beside each other, so
// that status keeps flowing while commands run.
type loop struct {
	p       *program
	link    *link
	fetcher *goalstate.Fetcher
	engine  *extension.Engine
	upload  *status.Uploader
	history *history.History
	access  *remoteaccess.Access
	probes  *lbprobe.Responder
	events  *telemetry.Recorder
	learned chan struct{}         // closed once secret is known
	secret  bool                  // this is a confidential VM
	work    chan goalstate.Wanted // the newest goal state that was not taken up yet
	over    chan struct{}         // a goal state has just been processed
	state   loopState
}

func (p *program) newLoop(l *link, events *telemetry.Recorder) *loop {
	lp := &loop{p: p, link: l, upload: l.uploader(), history: p.history(), events: events, work: make(chan goalstate.Wanted, 1), over: make(chan struct{}, 1), learned: make(chan struct{})}
	lp.state.settled = p.files.Exists(p.lib(initialFile))
	d := l.downloader(lp.state.fastTrack)
	lp.fetcher = p.fetcher(l, d, lp.history)
	lp.engine = p.engine(l, d, events, lp)
	if p.family.RemoteAccess {
		lp.access = p.remoteAccess(lp)
	}
	if p.conf.LBProbeResponder && p.onMachine() {
		lp.probes = &lbprobe.Responder{Log: p.log}
	}
	return lp
}

func (p *program) engine(l *link, d *artifact.Downloader, events event.Sink, lp *loop) *extension.Engine {
	o := extension.Options{
		Files: p.files, Machine: p.Machine, Downloader: d, LibDir: p.conf.LibDir, LogDir: p.conf.ExtensionLogDir,
		ConfigFile: p.conf.Path, Endpoint: func() string { return l.wire.Endpoint }, Disabled: !p.conf.Extensions.Enabled,
		IgnoreHold: !p.conf.EnableOverProvisioning, Log: p.log, Events: events, Failpoint: p.Failpoint,
		Save: lp.history.Add, SigningRoot: signature.MicrosoftRoot(), MustSign: lp.confidential,
	}
	if p.conf.Debug.EnableExtSignatureValidation {
		v, err := signature.New(signature.MicrosoftRoot())
		if err != nil {
			p.log.Error("Package signatures cannot be validated", "error", err)
		} else {
			o.Verifier = v
		}
	}
	if p.conf.Debug.EnableExtensionPolicy {
		o.Policy = func() (*policy.Policy, error) { return p.policy(lp.history) }
	}
	return extension.New(o)
}

func (l *loop) duties() []Duty {
	return []Duty{dutyFunc{"GoalState", l.poll}, dutyFunc{"Extensions", l.process}, dutyFunc{"Metadata", l.learn}}
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
		l.state.fetched(err)
		if l.fetcher.Known() {
			l.state.put(wanted, l.fetcher.FastTrack())
			// A goal state that was outdated may turn out to be the one after all.
			if id := fmt.Sprint(wanted.ID, wanted.Outdated); id != seen {
				if seen != "" && l.state.settle() {
					l.endInitial()
				}
				seen = id
				l.engine.Announce(wanted) // from now on the report speaks of this goal state
				l.hand(wanted)
			}
			l.report(ctx, wanted, &said)
			l.beside(ctx, wanted)
		}
		if why := l.p.superfluous(); why != "" {
			l.p.log.Info("This goal state process ends", "reason", why)
			return errPlanned
		}
		if !l.rest(ctx, wanted, &said) {
			return nil
		}
	}
}

// beside does what a goal state asks for apart from extensions.
func (l *loop) beside(ctx context.Context, w goalstate.Wanted) {
	if l.access != nil {
		l.access.Sync(ctx, w)
	}
	if l.probes != nil {
		l.probes.Ports(ctx, ports(w.ProbePorts)...)
	}
	l.events.Common.LearnHosting(l.fetcher.HostingEnvironment(), w.RoleInstanceID)
}

// learn asks the instance metadata service, once, what kind of VM this is.
func (l *loop) learn(ctx context.Context) error {
	l.secret = l.p.learn(ctx, l.link, l.events)
	close(l.learned)
	<-ctx.Done()
	return nil
}

// confidential reports whether this is a confidential VM; it waits for the answer, which decides what may run.
func (l *loop) confidential() bool {
	<-l.learned
	return l.secret
}

func ports(texts []string) []int {
	var all []int
	for _, text := range texts {
		if port, err := strconv.Atoi(strings.TrimSpace(text)); err == nil && port > 0 && port < 1<<16 {
			all = append(all, port)
		}
	}
	return all
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
			l.awaitCloudInit(ctx)
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

// awaitCloudInit waits for cloud-init to end before the first goal state is processed, where that is configured.
func (l *loop) awaitCloudInit(ctx context.Context) {
	if l.state.waited || !l.p.conf.Extensions.WaitForCloudInit {
		return
	}
	l.state.waited = true
	l.p.log.Info("Waiting for cloud-init to complete")
	_, err := l.p.Machine.Run(ctx, machine.Command{
		Argv: []string{"cloud-init", "status", "--wait"}, Timeout: l.p.conf.Extensions.WaitForCloudInitTimeout,
	})
	if err != nil && ctx.Err() == nil {
		l.p.log.Warn("cloud-init did not complete, going on", "error", err)
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

// initialFile says that the first goal state is over, to the processes that come after this one. It is empty.
const initialFile = "initial_goal_state"

// endInitial keeps in mind that the period of the first goal state is over.
func (l *loop) endInitial() {
	if err := l.p.files.WriteAtomic(l.p.lib(initialFile), nil, 0o600); err != nil {
		l.p.log.Warn("Cannot keep that the initial goal state is over", "error", err)
	}
	l.p.log.Info(fmt.Sprintf("Initial goal state completed, switched the goal state period to %d",
		int(l.period().Seconds())))
}

// report builds the status blob and brings it to storage.
func (l *loop) report(ctx context.Context, w goalstate.Wanted, said *failures) {
	r := l.status()
	if l.state.note(r.Handlers) {
		l.endInitial()
	}
	blob, err := r.Blob()
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
	l.history.Status(blob)
	said.note("Cannot keep the status", l.p.files.WriteAtomic(l.p.lib("waagent_status.json"), blob, 0o600))
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

package extension

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/policy"
	"github.com/waagent-go/waagent/agent/internal/status"
)

// SupportedFeatures are the features that a goal state may require of this agent.
var SupportedFeatures = []string{"MultipleExtensionsPerHandler", "VersioningGovernance"}

// Result is what came of one goal state.
type Result struct {
	// Held says that the goal state is on hold: nothing was done, and it counts as handled.
	Held bool
	// GoalState is how it went as a whole, for the status blob; nil when there is nothing to say.
	GoalState *status.GoalState
	// Err is set when the agent is to stop before the goal state was done; it is to be processed again.
	Err error
}

// Process does what the goal state asks. What goes wrong with one extension is its own status and stops no other
// but those that depend on it.
func (e *Engine) Process(ctx context.Context, w goalstate.Wanted) Result {
	e.Start()
	if w.OnHold && !e.o.IgnoreHold {
		e.log.Info("Extension processing is on hold", "id", w.ID)
		e.showDone(w)
		return Result{Held: true}
	}
	if w.Outdated {
		e.showDone(w)
		return Result{}
	}
	began := time.Now()
	e.log.Info(fmt.Sprintf("ProcessExtensionsGoalState started [%s channel: %s source: %s activity: %s correlation %s created: %s]",
		w.ID, w.Channel, w.Source, w.ActivityID, w.CorrelationID, w.Created.UTC().Format("2006-01-02T15:04:05.000000Z")))
	r, word := Result{}, "completed"
	if missing := unsupported(w.RequiredFeatures); len(missing) > 0 {
		r, word = e.refuse(w, missing), "failed"
	} else if err := e.process(ctx, w); err != nil {
		r, word = Result{Err: err}, "failed"
	} else {
		r.GoalState = &status.GoalState{Time: time.Now(), SvdSeqNo: w.SvdSeqNo, Status: "Success"}
	}
	took := time.Since(began).Milliseconds()
	text := fmt.Sprintf("ProcessExtensionsGoalState %s [%s %d ms]", word, w.ID, took)
	e.log.Info(text)
	e.o.Events.Add(event.Event{
		Operation: "ExtensionProcessing", Success: word == "completed", Message: text, Duration: time.Since(began),
	})
	return r
}

func unsupported(required []string) []string {
	var missing []string
	for _, f := range required {
		if !slices.Contains(SupportedFeatures, f) {
			missing = append(missing, f)
		}
	}
	return missing
}

// refuse leaves a goal state alone that asks for what this agent cannot do; what is on disk is reported.
func (e *Engine) refuse(w goalstate.Wanted, missing []string) Result {
	text := fmt.Sprintf("Failing GS %s as Unsupported features found: %s", w.ID, strings.Join(missing, ", "))
	e.log.Error(text)
	e.o.Events.Add(event.Event{Operation: "GoalStateUnsupportedFeatures", Message: text})
	e.mu.Lock()
	e.views, e.disk = nil, true
	e.mu.Unlock()
	return Result{GoalState: &status.GoalState{
		Time: time.Now(), SvdSeqNo: w.SvdSeqNo, Status: "Failed", Code: status.CodeUnsupportedFeatures, Message: text,
	}}
}

// process runs the items of a goal state in their order and cleans up after them. An error means to stop.
func (e *Engine) process(ctx context.Context, w goalstate.Wanted) error {
	items := e.order(w)
	e.show(items)
	run := &processing{e: e, id: w.ID, deadline: time.Now().Add(dependencyDeadline)}
	run.policy, run.policyErr = e.readPolicy()
	for _, it := range items {
		run.last = max(run.last, it.key)
	}
	for _, it := range items {
		if err := run.one(ctx, it); err != nil {
			return err
		}
	}
	if err := run.settle(); err != nil {
		return err
	}
	return e.collect(w)
}

func (e *Engine) readPolicy() (*policy.Policy, error) {
	if e.o.Policy == nil {
		return nil, nil
	}
	p, err := e.o.Policy()
	if err != nil {
		e.log.Error("The extension policy cannot be used: no extension is allowed", "error", err.Error())
		e.o.Events.Add(event.Event{Operation: "ExtensionPolicy", Message: err.Error()})
	}
	return p, err
}

// processing is one pass over the items of a goal state.
type processing struct {
	e         *Engine
	id        string
	last      int // the highest key
	deadline  time.Time
	policy    *policy.Policy
	policyErr error
	blocked   string // why the items after the current one are not run

	journals map[string]*journal // by handler, of moves that are over and may not be on disk yet
	over     []*item             // the items of these moves
}

// one takes an item through its gates, runs it, records what came of it, and waits for it if others depend on it.
func (p *processing) one(ctx context.Context, it *item) error {
	p.signatures(it)
	it.log().Info(fmt.Sprintf("Target handler state: %s [%s]", it.wanted.State, p.id))
	it.setPhase(running)
	err := p.gates(it)
	if err == nil {
		err = p.run(ctx, it)
	}
	if err != nil {
		if stopped(ctx, err) {
			return err
		}
		if err := it.failed(err); err != nil {
			return err
		}
	}
	if err == nil {
		p.over = append(p.over, it)
	} else if serr := p.settle(); serr != nil { // what failed is tried again by the next agent, not taken from its record
		return serr
	}
	it.setPhase(done)
	return p.depend(ctx, it, err)
}

// settle ends the moves that are over, once what came of them is on disk: one wait for the disk serves many handlers.
// A handler whose files do not get there fails, alone. The error is the process's death.
func (p *processing) settle() error {
	for name, err := range p.e.syncEach() {
		err := fmt.Errorf("bring %s to disk: %w", name, err)
		p.e.log.Error(err.Error())
		for _, it := range p.over {
			if !strings.HasPrefix(name, it.h.base()+"/") {
				continue
			}
			if err := it.failed(fail(classError, status.CodeUnknown, err)); err != nil {
				return err
			}
		}
	}
	for name, j := range p.journals {
		if err := j.close(); stoppedDisk(err) {
			return err
		} else if err != nil {
			p.e.log.Warn("cannot remove the command records", "handler", name, "error", err.Error())
		}
	}
	p.journals, p.over = nil, nil
	return nil
}

// journal is the one that this goal state has opened for the handler already, or a new one.
func (p *processing) journal(ctx context.Context, name, to string) (*journal, error) {
	j := p.journals[name]
	if j != nil && j.To == to {
		return j, nil
	}
	if j != nil {
		if err := p.settle(); err != nil {
			return nil, err
		}
	}
	j, err := p.e.openJournal(ctx, name, p.id, to)
	if j == nil {
		return nil, err
	}
	if p.journals == nil {
		p.journals = map[string]*journal{}
	}
	p.journals[name] = j
	return j, err
}

// run chooses the version and does what is wanted of it.
func (p *processing) run(ctx context.Context, it *item) error {
	if err := it.choose(ctx); err != nil {
		return err
	}
	to := it.h.version.String()
	if it.wanted.State == goalstate.Uninstall {
		to = ""
	}
	var err error
	if it.journal, err = p.journal(ctx, it.wanted.Name, to); err != nil {
		return err
	}
	switch {
	case it.wanted.State == goalstate.Uninstall:
		return it.resumeUninstall(ctx)
	case it.wanted.State == goalstate.Disabled:
		it.h.event("RequestedStateDisabled", true, "the goal state asks for disabled")
		return it.disable(ctx)
	case it.removes():
		return it.disable(ctx)
	}
	return it.enable(ctx)
}

// resumeUninstall goes on with an uninstall that an earlier agent began, also when its folder is half gone.
func (it *item) resumeUninstall(ctx context.Context) error {
	if it.journal.From != "" {
		if v, err := parseVersion(it.journal.From); err == nil {
			it.h.version = v
		}
	} else {
		it.journal.From = it.h.version.String()
		if err := it.journal.save(); err != nil {
			return err
		}
	}
	return it.uninstall(ctx)
}

// choose decides on the version: the highest match for what is to be enabled, the installed one for what is to go. The
// manifest is asked for in any case.
func (it *item) choose(ctx context.Context) error {
	if it.wanted.Invalid != "" {
		return fail(classConfig, status.CodeUnknown, errors.New(it.wanted.Invalid))
	}
	wanted, err := parseVersion(it.wanted.Version)
	if err != nil {
		return fail(classConfig, status.CodeUnknown, err)
	}
	it.h = aHandler{it.e, it.wanted.Name, wanted}
	if it.wanted.State != goalstate.Enabled {
		if old, ok := it.e.installedVersion(it.wanted.Name); ok {
			it.h = old
		}
		it.see()
	}
	m, err := it.e.o.Downloader.Manifest(ctx, it.wanted.ManifestURIs)
	if err != nil {
		return fail(classDownload, status.CodeUnknown, fmt.Errorf("fetch the manifest of %s: %w", it.wanted.Name, err))
	}
	if it.e.o.Save != nil {
		it.e.o.Save(it.wanted.Name+".manifest.xml", m.Raw)
	}
	if it.wanted.State != goalstate.Enabled {
		return nil
	}
	best, ok := choose(m.Manifest, wanted)
	if !ok {
		return failText(classDownload, status.CodeUnknown, "Unable to find version %s in manifest for extension %s",
			it.wanted.Version, it.wanted.Name)
	}
	it.h.version = best.version
	it.source = source{uris: best.uris, manifestURI: m.URI, signature: it.wanted.EncodedSignature,
		mustSign: it.mustSign}
	if best.version.compare(wanted) != 0 {
		text := fmt.Sprintf("the goal state asks for %s and gets %s", it.wanted.Version, best.version)
		it.h.event("RequestedVersionMismatch", true, text)
	}
	it.see()
	return nil
}

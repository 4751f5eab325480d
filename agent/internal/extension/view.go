package extension

import (
	"time"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
)

// phase is how far an item of the goal state is.
type phase int

const (
	pending  phase = iota // its turn has not come
	running               // commands before its enable run
	enabling              // its enable has started: its own status file counts from now on
	done
)

// view is what Report needs to know of an item. It is guarded by Engine.mu.
type view struct {
	wanted     goalstate.Handler
	ext        *goalstate.Settings
	removes    bool
	h          aHandler // without a version until one is known
	phase      phase
	disallowed bool
	problem    *failure // of an item that has no folder to keep it in
}

// show makes a goal state's items what is reported, all of them still to be done.
func (e *Engine) show(items []*item) {
	views := make([]*view, len(items))
	for i, it := range items {
		it.view = &view{wanted: it.wanted, ext: it.ext, removes: it.removes()}
		views[i] = it.view
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.views, e.disk = views, false
}

// Announce makes a goal state that will be processed next what is reported, so that no report in between shows the
// status of the one before as an answer to it.
func (e *Engine) Announce(w goalstate.Wanted) {
	if w.Outdated || w.OnHold && !e.o.IgnoreHold || len(unsupported(w.RequiredFeatures)) > 0 {
		return
	}
	e.show(e.order(w))
}

// showDone makes a goal state that is not processed what is reported, as far as it is on disk.
func (e *Engine) showDone(w goalstate.Wanted) {
	items := e.order(w)
	e.show(items)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, v := range e.views {
		v.phase = done
		if old, ok := e.installedVersion(v.wanted.Name); ok {
			v.h = old
		} else if n, err := parseVersion(v.wanted.Version); err == nil {
			v.h = aHandler{e, v.wanted.Name, n}
		}
	}
}

func (it *item) setPhase(p phase) {
	it.e.mu.Lock()
	defer it.e.mu.Unlock()
	it.view.phase = p
}

// see tells Report of the version that was chosen.
func (it *item) see() {
	it.e.mu.Lock()
	defer it.e.mu.Unlock()
	it.view.h = it.h
}

// blame tells Report which version a failure is about.
func (it *item) blame(h aHandler, f *failure) {
	it.e.mu.Lock()
	defer it.e.mu.Unlock()
	it.view.h, it.view.disallowed = h, f.overwrites
}

func (it *item) setProblem(f *failure) {
	it.e.mu.Lock()
	defer it.e.mu.Unlock()
	it.view.problem = f
}

func stamp() string { return time.Now().UTC().Format("2006-01-02T15:04:05Z") }

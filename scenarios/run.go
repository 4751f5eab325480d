// Package scenarios boots guests into a simulated fabric and plays scripts against them. A script is one txtar file that
// reads like the story it checks; this package holds the words it is written in, chooses where it runs, and keeps what
// is needed to understand a failure.
package scenarios

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/waagent-go/waagent/images"
	"github.com/waagent-go/waagent/scenarios/machine/container"
	"github.com/waagent-go/waagent/scenarios/machine/qemu"
	"github.com/waagent-go/waagent/scenarios/report"
)

// Scenario is a script and where it runs.
type Scenario struct {
	Header
	Path string
	Pair Pair
}

// Name is what the scenario is called in reports and on the command line.
func (s Scenario) Name() string { return s.Header.Name + "/" + s.Pair.String() }

// Find reads the scripts below dir and lists what a choice asks for: every script in a stable order, then the matrix of
// images, then those marked last.
func Find(dir string, c Choice) ([]Scenario, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.txtar"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	var all, matrix, last []Scenario
	for _, file := range files {
		scenarios, err := Load(file, c)
		if err != nil {
			return nil, err
		}
		if len(scenarios) == 0 {
			continue
		}
		h, first, others := scenarios[0].Header, &all, &matrix
		if h.Last {
			first, others = &last, &last
		}
		*first = append(*first, scenarios...)
		for _, pair := range h.MatrixPairs(c) {
			*others = append(*others, Scenario{Header: h, Path: file, Pair: pair})
		}
	}
	return slices.Concat(all, matrix, last), nil
}

// Load reads one script and lists where a choice has it run.
func Load(file string, c Choice) ([]Scenario, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	h, err := ReadHeader(file, text)
	if err != nil {
		return nil, err
	}
	var all []Scenario
	for _, pair := range h.Pairs(c) {
		all = append(all, Scenario{Header: h, Path: file, Pair: pair})
	}
	return all, nil
}

// Runner plays scenarios.
type Runner struct {
	Programs Programs
	Keep     string // folder for what failures leave behind
	Progress images.Progress
	Log      *slog.Logger
	Verbose  io.Writer // timelines as they happen; nil: nowhere
}

// openers start a site by driver.
var openers = map[string]func(context.Context, Surroundings) (Site, error){
	"loopback": openLoopback, "container": openContainer, "qemu": openQEMU,
}

// limit bounds one scenario.
const limit = 15 * time.Minute

// Run plays one scenario on t, and writes how it went to res even when t ends this goroutine.
func (r *Runner) Run(t testscript.T, s Scenario, res *report.Result) {
	start := time.Now()
	timeline := NewTimeline(r.Verbose)
	*res = report.Result{Script: s.Header.Name, Promise: s.Promise, Pair: s.Pair.String(), Outcome: report.Passed}
	p := &play{runner: r, scenario: s, timeline: timeline, result: res}
	defer func() {
		res.Took = time.Since(start)
		for _, m := range timeline.Moments() {
			res.Moments = append(res.Moments, report.Moment(m))
		}
	}()
	testscript.RunT(&observer{T: t, result: res}, p.params())
}

// play is one scenario while it runs.
type play struct {
	runner   *Runner
	scenario Scenario
	timeline *Timeline
	result   *report.Result
}

func (p *play) params() testscript.Params {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	return testscript.Params{
		Files: []string{p.scenario.Path},
		Cmds:  commands(ctx),
		Setup: func(env *testscript.Env) error {
			dir, err := os.MkdirTemp("", "scenario-")
			if err != nil {
				return err
			}
			w, err := newWorld(env.T(), p.scenario.Pair, Surroundings{
				Programs: p.runner.Programs, Dir: dir, Progress: p.runner.Progress, Timeline: p.timeline, Log: p.runner.log(),
			}, openers[p.scenario.Pair.Driver], env.WorkDir)
			if err != nil {
				return err
			}
			if err := giveSample(env.WorkDir); err != nil {
				return err
			}
			env.Values[worldKey{}] = w
			env.Defer(func() {
				defer cancel()
				p.end(ctx, env, w)
				os.RemoveAll(dir)
			})
			return nil
		},
	}
}

func (r *Runner) log() *slog.Logger {
	if r.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return r.Log
}

// end judges what the script itself did not look at, keeps what a failure left, and takes the world down.
func (p *play) end(ctx context.Context, env *testscript.Env, w *world) {
	t := env.T()
	if p.result.Outcome == report.Passed {
		if err := w.judge(ctx); err != nil {
			p.result.Outcome, p.result.Verdict = report.Failed, err.Error()
			t.Log(err.Error())
		}
	}
	if p.result.Outcome == report.Failed {
		p.result.Kept = filepath.Join(p.runner.Keep, strings.ReplaceAll(p.scenario.Name(), "/", "-"))
		if err := w.keep(ctx, p.result.Kept); err != nil {
			t.Log("keep what the failure left: ", err)
		}
		t.Log("kept in ", p.result.Kept)
	}
	if err := w.close(ctx); err != nil {
		t.Log("take the world down: ", err)
	}
	if p.result.Outcome == report.Failed {
		t.FailNow()
	}
}

// judge looks at what no script needs to mention: nothing unexpected in the agent's log, no request that Azure would have
// rejected, every fault met, no kernel in trouble.
func (w *world) judge(ctx context.Context) error {
	if w.site == nil {
		return nil
	}
	errs := []error{w.judgeGuest(ctx), w.eachOther(func(o *world) error { return o.judgeGuest(ctx) })}
	if !w.clientErrorsOK {
		errs = append(errs, w.clientErrors(ctx))
	}
	faults, err := w.fabric.Faults(ctx)
	errs = append(errs, err)
	for _, f := range faults {
		if f.Unused() {
			errs = append(errs, fmt.Errorf("nothing met the fault %s", f.Step))
		}
	}
	return errors.Join(errs...)
}

// judgeGuest looks at what one guest leaves: its agent's log and its console.
func (w *world) judgeGuest(ctx context.Context) error {
	if w.machine == nil {
		return nil
	}
	err := w.judgeLog(ctx)
	if trouble := qemu.Trouble(w.machine.Console()); len(trouble) > 0 {
		err = errors.Join(err, fmt.Errorf("the guest's kernel is in trouble:\n%s", strings.Join(trouble, "\n")))
	}
	return err
}

// Why says why a driver cannot be had here, "" if it can. The answer is kept by the caller.
func Why(ctx context.Context, driver string) string {
	switch driver {
	case "container":
		if err := container.Available(ctx); err != nil {
			return err.Error()
		}
	case "qemu":
		if err := qemu.Available(); err != nil {
			return err.Error()
		}
	}
	return ""
}

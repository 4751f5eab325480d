package scenarios

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/images"
	"github.com/waagent-go/waagent/scenarios/report"
)

// This binary is started by itself too: see Reexec.
func TestMain(m *testing.M) {
	if code, mine := Reexec(os.Args[1:]); mine {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// The environment narrows a run down: WAAGENT_SCENARIOS is quick (the default) or e2e; DRIVER, IMAGE and SHARD as for
// make; LIMIT is when to stop starting new ones.
func TestScenarios(t *testing.T) {
	all, err := Find("scripts", choice(t))
	assert.NilError(t, err)
	only, err := regexp.Compile(os.Getenv("RUN"))
	assert.NilError(t, err)
	all = slices.DeleteFunc(all, func(s Scenario) bool { return !only.MatchString(s.Name()) })
	all, err = Shard(all, os.Getenv("SHARD"))
	assert.NilError(t, err)
	r := &Runner{Programs: programs(t), Keep: out(t), Progress: func(line string) { t.Log(line) }}
	if testing.Verbose() {
		r.Verbose = os.Stderr
	}
	run := report.Run{Started: time.Now()}
	stopAt := deadline(t)
	why := map[string]string{}
	for _, s := range all {
		t.Run(s.Name(), func(t *testing.T) {
			if _, known := why[s.Pair.Driver]; !known {
				why[s.Pair.Driver] = Why(context.Background(), s.Pair.Driver)
			}
			res := report.Result{Script: s.Header.Name, Promise: s.Promise, Pair: s.Pair.String()}
			defer func() { run.Results = append(run.Results, res) }()
			switch reason := why[s.Pair.Driver]; {
			case reason != "":
				res.Outcome, res.Detail = report.Skipped, reason
				t.Skip("SKIP driver ", s.Pair.Driver, ": ", reason)
			case !stopAt.IsZero() && time.Now().After(stopAt):
				res.Outcome = report.Remaining
				t.Skip("SKIP not started: the time limit was reached")
			}
			var first strings.Builder
			if res = r.playAlone(s, &first); res.Outcome != report.Failed {
				t.Log(first.String())
				if res.Outcome == report.Skipped {
					t.Skip("SKIP", res.Detail)
				}
				return
			}
			// A guest on a busy machine may be late; a promise that is broken is broken twice. What the first try
			// left is kept, and that there was one is said.
			t.Logf("FLAKY? the first try failed, playing it once more: %s\n%s", res.Reason(), first.String())
			os.Rename(res.Kept, res.Kept+"-first") //nolint:errcheck // only for people who look
			firstRes := res
			r.Run(scriptT{t}, s, &res)
			if res.Outcome == report.Passed {
				res.Verdict = "passed at the second try; the first failed: " + firstRes.Reason()
				t.Logf("FLAKY %s passed at the second try", s.Name())
			}
		})
	}
	run.Took = time.Since(run.Started)
	t.Log(run.Summary())
	if n := run.Count(report.Remaining); n > 0 {
		t.Logf("%d scenarios remain: the time limit was reached", n)
	}
	writeReports(t, run)
}

func choice(t *testing.T) Choice {
	t.Helper()
	c := Choice{Driver: os.Getenv("DRIVER"), Image: os.Getenv("IMAGE"), All: os.Getenv("FULL") != "", Named: strings.Trim(os.Getenv("RUN"), "^$")}
	if kind := os.Getenv("WAAGENT_SCENARIOS"); kind == "" || kind == "quick" {
		c.Quick = true
		return c
	}
	catalog, err := images.Load()
	assert.NilError(t, err)
	for _, image := range catalog.Images {
		// Without FULL=1: other releases, and other distributions, but no variations on one.
		variation := strings.Contains(image.ID, "-") || image.Source.Unstable && image.ID == "sid"
		if c.Image == "" && image.ID != DefaultImage && (c.All || !variation) {
			c.Images = append(c.Images, image.ID)
		}
	}
	return c
}

func deadline(t *testing.T) time.Time {
	t.Helper()
	limit := os.Getenv("LIMIT")
	if limit == "" {
		return time.Time{}
	}
	d, err := time.ParseDuration(limit)
	assert.NilError(t, err)
	return time.Now().Add(d)
}

// out is where reports and what failures left are kept.
func out(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("WAAGENT_OUT")
	if dir == "" {
		dir = "../out"
	}
	dir, err := filepath.Abs(dir)
	assert.NilError(t, err)
	assert.NilError(t, os.MkdirAll(dir, 0o755))
	return dir
}

// programs are the static binaries guests need: those of WAAGENT_BIN, or built once for this run.
func programs(t *testing.T) Programs {
	t.Helper()
	dir := os.Getenv("WAAGENT_BIN")
	if dir == "" {
		dir = t.TempDir()
		args := []string{"build", "-trimpath", "-ldflags", "-s -w", "-o", dir + "/", "./cmd/waagent", "./cmd/fabricsim", "./cmd/scenarios"}
		build := exec.Command("go", args...)
		build.Dir, build.Env = "..", append(os.Environ(), "CGO_ENABLED=0")
		if text, err := build.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, text)
		}
	}
	dir, err := filepath.Abs(dir)
	assert.NilError(t, err)
	return Programs{Agent: dir + "/waagent", Fabric: dir + "/fabricsim", Scenarios: dir + "/scenarios"}
}

func writeReports(t *testing.T, run report.Run) {
	t.Helper()
	dir := out(t)
	for name, write := range map[string]func(*os.File) error{
		"scenarios.xml":  func(f *os.File) error { return report.JUnit(f, run) },
		"scenarios.html": func(f *os.File) error { return report.HTML(f, run) },
	} {
		f, err := os.Create(filepath.Join(dir, name))
		assert.NilError(t, err)
		assert.NilError(t, write(f))
		assert.NilError(t, f.Close())
	}
}

// scriptT makes a *testing.T what testscript wants.
type scriptT struct{ *testing.T }

func (t scriptT) Run(name string, f func(testscript.T)) {
	t.T.Run(name, func(t *testing.T) { f(scriptT{t}) })
}

func (t scriptT) Verbose() bool { return testing.Verbose() }

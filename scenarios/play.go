package scenarios

import (
	"context"
	"fmt"
	"io"
	"runtime"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/waagent-go/waagent/scenarios/report"
)

// Play plays scripts without go test, for people who have not got the source. It says how each went, and answers
// whether none failed.
func Play(ctx context.Context, r *Runner, files []string, c Choice, out io.Writer) (passed bool, err error) {
	passed = true
	for _, file := range files {
		c.Named = scriptName(file)
		all, err := Load(file, c)
		if err != nil {
			return false, err
		}
		for _, s := range all {
			if ctx.Err() != nil {
				return false, ctx.Err()
			}
			res := r.playAlone(s, out)
			fmt.Fprintf(out, "%s %s (%.1fs)\n", res.Outcome, s.Name(), res.Took.Seconds())
			if res.Verdict != "" {
				fmt.Fprintln(out, res.Verdict)
			}
			passed = passed && res.Outcome != report.Failed
		}
	}
	return passed, nil
}

// playAlone runs a scenario in a goroutine of its own, which a failing script ends.
func (r *Runner) playAlone(s Scenario, out io.Writer) report.Result {
	var res report.Result
	done := make(chan struct{})
	go func() {
		defer close(done)
		if why := Why(context.Background(), s.Pair.Driver); why != "" {
			res = report.Result{Script: s.Header.Name, Pair: s.Pair.String(), Outcome: report.Skipped, Detail: why}
			fmt.Fprintf(out, "SKIP driver %s: %s\n", s.Pair.Driver, why)
			return
		}
		r.Run(plainT{out}, s, &res)
	}()
	<-done
	return res
}

// plainT is a testscript.T that prints.
type plainT struct{ out io.Writer }

func (t plainT) Skip(args ...any)  { t.Log(append([]any{"SKIP "}, args...)...); runtime.Goexit() }
func (t plainT) Fatal(args ...any) { t.Log(args...); runtime.Goexit() }
func (t plainT) FailNow()          { runtime.Goexit() }
func (t plainT) Log(args ...any)   { fmt.Fprintln(t.out, fmt.Sprint(args...)) }
func (t plainT) Parallel()         {}
func (t plainT) Verbose() bool     { return true }

func (t plainT) Run(_ string, f func(testscript.T)) { f(t) }

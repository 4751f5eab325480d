package scenarios

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/waagent-go/waagent/fabricsim/fault"
	"github.com/waagent-go/waagent/scenarios/machine"
)

// verb is one word of the scripts' language: a small function over the guest and the fabric. It fails with an error, or
// answers a program's result, which is a failure when its exit code is not 0.
type verb func(ctx context.Context, w *world, ts *testscript.TestScript, args []string) (*machine.Result, error)

// verbs are the words scripts are written in, beside testscript's own.
func verbs() map[string]verb {
	return map[string]verb{
		"boot": bootVerb, "reboot": rebootVerb, "redeploy": redeployVerb, "until": untilVerb, "fabric": fabricVerb,
		"guest": guestVerb, "guest-file": guestFileVerb, "ssh": sshVerb, "push": pushVerb, "pull": pullVerb,
		"fault": faultVerb, "expect-log": expectLogVerb, "expect-client-errors": expectClientErrorsVerb,
		"log-count": logCountVerb, "log-lines": logLinesVerb, "no-client-errors": noClientErrorsVerb,
		"disc": discVerb, "start-to-ready": startToReadyVerb, "overhead": overheadVerb,
		"link": linkVerb, "assign": assignVerb, "new-nic": newNICVerb,
	}
}

// headerWords were read before the script started and do nothing in it.
var headerWords = []string{"needs", "only", "drivers", "image", "quick", "matrix", "full", "last"}

// commands makes testscript commands of the verbs.
func commands(ctx context.Context) map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	all := map[string]func(ts *testscript.TestScript, neg bool, args []string){}
	for _, word := range headerWords {
		all[word] = func(*testscript.TestScript, bool, []string) {}
	}
	for name, v := range verbs() {
		all[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			w := ts.Value(worldKey{}).(*world)
			if len(args) > 1 && args[0] == "-on" {
				o, err := w.other(ctx, args[1])
				if err != nil {
					ts.Fatalf("%s: %v", name, err)
				}
				w, args = o, args[2:]
			}
			r, err := v(ctx, w, ts, args)
			if r != nil {
				show(ts, r)
			}
			if why, ok := unavailable(err); ok {
				w.t.Skip(why)
			}
			failed := err != nil || r != nil && r.ExitCode != 0
			switch {
			case failed == neg:
			case neg:
				ts.Fatalf("%s %s: succeeded, and must not", name, strings.Join(args, " "))
			case err != nil:
				ts.Fatalf("%s: %v", name, err)
			default:
				ts.Fatalf("%s %s: exit code %d", name, strings.Join(args, " "), r.ExitCode)
			}
		}
	}
	return all
}

type worldKey struct{}

// show makes a result the stdout and stderr that testscript's own commands compare.
func show(ts *testscript.TestScript, r *machine.Result) {
	fmt.Fprint(ts.Stdout(), string(r.Stdout))
	fmt.Fprint(ts.Stderr(), string(r.Stderr))
}

func output(text string) *machine.Result { return &machine.Result{Stdout: []byte(text)} }

func bootVerb(ctx context.Context, w *world, ts *testscript.TestScript, args []string) (*machine.Result, error) {
	if len(args) > 1 {
		return nil, fmt.Errorf("usage: boot [vm.yaml]")
	}
	file := "vm.yaml"
	if len(args) == 1 {
		file = args[0]
	}
	err := w.boot(ctx, file)
	if err == nil {
		ts.Setenv(w.variable("VM_ID"), w.vmID())
		ts.Setenv("KEY", w.key.File)
	}
	return nil, err
}

func rebootVerb(ctx context.Context, w *world, _ *testscript.TestScript, _ []string) (*machine.Result, error) {
	if err := w.booted(); err != nil {
		return nil, err
	}
	w.say("reboot")
	return nil, w.machine.Reboot(ctx)
}

// redeployVerb moves the VM to another host: same identity, an empty resource disk, a new container id.
func redeployVerb(ctx context.Context, w *world, _ *testscript.TestScript, _ []string) (*machine.Result, error) {
	if err := w.booted(); err != nil {
		return nil, err
	}
	r, ok := w.machine.(interface{ Redeploy(context.Context) error })
	if !ok {
		return nil, fmt.Errorf("redeploy: %w", machine.ErrUnsupported)
	}
	if err := w.fabric.Redeploy(ctx, w.id); err != nil {
		return nil, err
	}
	return nil, r.Redeploy(ctx)
}

func untilVerb(ctx context.Context, w *world, _ *testscript.TestScript, args []string) (*machine.Result, error) {
	if len(args) < 2 {
		return nil, fmt.Errorf("usage: until <what> [<state>] <limit>")
	}
	limit, err := time.ParseDuration(args[len(args)-1])
	if err != nil {
		return nil, fmt.Errorf("until: the limit comes last: %w", err)
	}
	if err := w.booted(); err != nil {
		return nil, err
	}
	c, err := w.condition(args[:len(args)-1])
	if err != nil {
		return nil, err
	}
	what := strings.Join(args[:len(args)-1], " ")
	if err := w.until(ctx, limit, what, c); err != nil {
		return nil, err
	}
	w.say("%s", what)
	return nil, nil
}

func guestVerb(ctx context.Context, w *world, _ *testscript.TestScript, args []string) (*machine.Result, error) {
	var c machine.Command
	if len(args) > 1 && args[0] == "-user" {
		c.User, args = args[1], args[2:]
	}
	if len(args) == 0 {
		return nil, fmt.Errorf("usage: guest [-user name] program [argument...]")
	}
	if err := w.booted(); err != nil {
		return nil, err
	}
	c.Argv = args
	r, err := w.machine.Exec(ctx, c)
	return &r, err
}

func guestFileVerb(ctx context.Context, w *world, _ *testscript.TestScript, args []string) (*machine.Result, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("usage: guest-file path")
	}
	if err := w.booted(); err != nil {
		return nil, err
	}
	data, err := w.machine.ReadFile(ctx, args[0])
	if err != nil {
		return nil, err
	}
	return output(string(data)), nil
}

func sshVerb(ctx context.Context, w *world, _ *testscript.TestScript, args []string) (*machine.Result, error) {
	l := login{user: w.spec.User, key: w.key.signer}
	for len(args) > 1 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-user":
			l.user = args[1]
		case "-password":
			l.key, l.password = nil, args[1]
		case "-key":
			id, err := w.identity(args[1])
			if err != nil {
				return nil, err
			}
			l.key = id.signer
		default:
			return nil, fmt.Errorf("usage: ssh [-user name] [-password word | -key kind] program [argument...]")
		}
		args = args[2:]
	}
	if err := w.booted(); err != nil {
		return nil, err
	}
	r, err := sshRun(ctx, w.machine, l, args)
	return &r, err
}

func pushVerb(ctx context.Context, w *world, ts *testscript.TestScript, args []string) (*machine.Result, error) {
	if len(args) < 2 || len(args) > 3 {
		return nil, fmt.Errorf("usage: push file guest-path [mode]")
	}
	mode := uint64(0o644)
	if len(args) == 3 {
		var err error
		if mode, err = strconv.ParseUint(args[2], 8, 32); err != nil {
			return nil, err
		}
	}
	if err := w.booted(); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	if err != nil {
		return nil, err
	}
	return nil, w.machine.WriteFile(ctx, args[1], data, fs.FileMode(mode))
}

func pullVerb(ctx context.Context, w *world, ts *testscript.TestScript, args []string) (*machine.Result, error) {
	if len(args) != 2 {
		return nil, fmt.Errorf("usage: pull guest-path file")
	}
	if err := w.booted(); err != nil {
		return nil, err
	}
	data, err := w.machine.ReadFile(ctx, args[0])
	if err != nil {
		return nil, err
	}
	return nil, os.WriteFile(ts.MkAbs(args[1]), data, 0o644)
}

func faultVerb(ctx context.Context, w *world, ts *testscript.TestScript, args []string) (*machine.Result, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("usage: fault playbook.yaml")
	}
	if err := w.start(ctx); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	if err != nil {
		return nil, err
	}
	steps, err := fault.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", args[0], err)
	}
	return nil, w.fabric.AddFaults(ctx, steps...)
}

func logCountVerb(ctx context.Context, w *world, _ *testscript.TestScript, args []string) (*machine.Result, error) {
	if len(args) != 2 {
		return nil, fmt.Errorf("usage: log-count pattern number")
	}
	want, err := strconv.Atoi(args[1])
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(args[0])
	if err != nil {
		return nil, err
	}
	log, err := w.agentLog(ctx)
	if err != nil {
		return nil, err
	}
	found := 0
	for line := range strings.Lines(string(log)) {
		if re.MatchString(line) {
			found++
		}
	}
	if found != want {
		return nil, fmt.Errorf("%d lines of the agent's log match %q, want %d; it ends with\n%s", found, args[0], want, lastLines(log, 20))
	}
	return nil, nil
}

// logLinesVerb bounds the length of the agent's log: a boot is to fit a page.
func logLinesVerb(ctx context.Context, w *world, _ *testscript.TestScript, args []string) (*machine.Result, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("usage: log-lines most")
	}
	most, err := strconv.Atoi(args[0])
	if err != nil {
		return nil, err
	}
	log, err := w.agentLog(ctx)
	if err != nil {
		return nil, err
	}
	if lines := strings.Count(string(log), "\n"); lines > most {
		return nil, fmt.Errorf("the agent's log has %d lines, more than %d:\n%s", lines, most, log)
	}
	return nil, nil
}

func (w *world) booted() error {
	if w.machine == nil {
		return fmt.Errorf("nothing has been booted yet")
	}
	return nil
}

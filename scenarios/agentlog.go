package scenarios

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/waagent-go/waagent/scenarios/machine"
)

// announced is a warning or error that a script says will come.
type announced struct {
	level   string
	pattern *regexp.Regexp
	seen    bool
}

// expectLogVerb announces a line of the agent's log. Whatever warning or error was not announced fails the script when
// it is over, and so does an announced one that never came.
func expectLogVerb(_ context.Context, w *world, _ *testscript.TestScript, args []string) (*machine.Result, error) {
	if len(args) != 2 || args[0] != "WARNING" && args[0] != "ERROR" && args[0] != "INFO" {
		return nil, fmt.Errorf("usage: expect-log INFO|WARNING|ERROR pattern")
	}
	re, err := regexp.Compile(args[1])
	if err != nil {
		return nil, err
	}
	w.announced = append(w.announced, announced{level: args[0], pattern: re})
	return nil, nil
}

// logLine is the original's line format: time, level, thread, text.
var logLine = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\S+Z (INFO|WARNING|ERROR|VERBOSE) (.*)$`)

// judgeLog holds the agent's log against what the script announced.
func (w *world) judgeLog(ctx context.Context) error {
	if !w.vm.ours() {
		return nil // a stranger may say what it likes
	}
	log, err := w.agentLog(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var odd []string
	for line := range strings.Lines(string(log)) {
		m := logLine.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil || w.wasAnnounced(m[1], m[2]) || m[1] == "INFO" || m[1] == "VERBOSE" {
			continue
		}
		odd = append(odd, strings.TrimRight(line, "\n"))
	}
	if odd != nil {
		return fmt.Errorf("the agent logged what the script did not announce:\n%s", strings.Join(odd, "\n"))
	}
	for _, a := range w.announced {
		if !a.seen {
			return fmt.Errorf("the agent never logged %s %q", a.level, a.pattern)
		}
	}
	return nil
}

func (w *world) wasAnnounced(level, text string) bool {
	known := false
	for i := range w.announced {
		if a := &w.announced[i]; a.level == level && a.pattern.MatchString(text) {
			a.seen, known = true, true
		}
	}
	return known
}

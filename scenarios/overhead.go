package scenarios

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/waagent-go/waagent/scenarios/machine"
)

// overheadVerb bounds the agent's own time for each extension of the last goal state: from its start to its end,
// without the extensions' commands.
func overheadVerb(ctx context.Context, w *world, _ *testscript.TestScript, args []string) (*machine.Result, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("usage: overhead most")
	}
	most, err := time.ParseDuration(args[0])
	if err != nil {
		return nil, err
	}
	log, err := w.agentLog(ctx)
	if err != nil {
		return nil, err
	}
	p, err := lastPass(string(log))
	if err != nil {
		return nil, err
	}
	w.say("%s", p)
	if p.each() > most {
		return nil, fmt.Errorf("%s: more than %s each", p, most)
	}
	return output(p.String() + "\n"), nil
}

// pass is what the agent's log says of one goal state.
type pass struct {
	extensions, commands int
	wall, inCommands     time.Duration
}

func (p pass) each() time.Duration { return (p.wall - p.inCommands) / time.Duration(p.extensions) }

func (p pass) String() string {
	return fmt.Sprintf("%d extensions, %d commands: %s, of which %s in commands; the agent's own time is %s each", p.extensions,
		p.commands, p.wall.Round(time.Millisecond), p.inCommands.Round(time.Millisecond), p.each().Round(100*time.Microsecond))
}

var (
	passEnd     = regexp.MustCompile(`ProcessExtensionsGoalState (?:completed|failed) \[.* (\d+) ms\]`)
	commandEnds = regexp.MustCompile(`The command (?:succeeded|failed) .*\btook=(\S+)`)
)

// lastPass reads the last goal state that is over.
func lastPass(log string) (pass, error) {
	var p, last pass
	for line := range strings.Lines(log) {
		switch {
		case strings.Contains(line, "ProcessExtensionsGoalState started ["):
			p = pass{}
		case strings.Contains(line, "Target handler state: "):
			p.extensions++
		}
		text := ""
		if m := commandEnds.FindStringSubmatch(line); m != nil {
			p.commands++
			text = m[1]
		}
		end := passEnd.FindStringSubmatch(line)
		if end != nil {
			text = end[1] + "ms"
		}
		if text == "" {
			continue
		}
		took, err := time.ParseDuration(text)
		if err != nil {
			return pass{}, fmt.Errorf("the agent's log: %q: %w", line, err)
		}
		if end == nil {
			p.inCommands += took
		} else if p.wall = took; p.extensions > 0 {
			last = p
		}
	}
	if last.extensions == 0 {
		return pass{}, fmt.Errorf("the agent's log has no goal state with extensions that is over")
	}
	return last, nil
}

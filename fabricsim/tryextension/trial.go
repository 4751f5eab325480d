package tryextension

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/waagent-go/waagent/agent/protocol/wireserver"
	"github.com/waagent-go/waagent/fabricsim/control"
	"github.com/waagent-go/waagent/fabricsim/goal"
)

// Fabric is what a trial asks of the fabric; *control.Client is the real one.
type Fabric interface {
	SetGoalState(ctx context.Context, id string, s goal.State) (control.VM, error)
	WaitVM(ctx context.Context, id string, good func(control.VM) (bool, string)) (control.VM, error)
}

// configName is the extension of a multi-config handler that is tried.
const configName = "trial"

// Trial is the life of one extension on one VM that is Ready.
type Trial struct {
	Fabric    Fabric
	Guest     Guest // whose commands' output is shown; nil shows none
	VM        string
	Package   []byte        // zip
	Update    []byte        // zip of a newer version; nil leaves the update out
	Public    string        // settings, JSON; "" is {}
	Protected string        // JSON; "" for none
	Limit     time.Duration // for each step; 0 is ten minutes
	Out       io.Writer     // told what happens as it happens
}

// step is one goal state and what is to come of it. One that takes the extension away has no archive, and is about the
// version and the settings that are there then.
type step struct {
	name    string
	state   string
	seq     int
	version Identity
	archive []byte
}

// Check says what keeps the packages from being tried, before anything is booted.
func (t Trial) Check() error {
	_, err := t.steps()
	return err
}

// Run plays install, enable, a second enable with new settings, an update if there is a newer version, disable and
// uninstall. A step that fails does not keep the later ones from being tried, but an extension that never got enabled
// is not updated. The error is one of the fabric's; what the extension does wrong is in the verdict.
func (t Trial) Run(ctx context.Context) (Verdict, error) {
	steps, err := t.steps()
	if err != nil {
		return Verdict{}, err
	}
	v := Verdict{Extension: steps[0].version}
	there := steps[0]
	printed := &output{guest: t.Guest, log: commandLog(steps[0].version), out: t.Out}
	for _, s := range steps {
		if s.name == "update" && !v.OK() {
			v.Steps = append(v.Steps, Step{Name: s.name, Problem: "left out, because the version before it does not work"})
			continue
		}
		if why := v.nothingToDisable(); s.state == "disabled" && why != "" {
			v.Steps = append(v.Steps, Step{Name: s.name, Problem: "left out, because " + why})
			continue
		}
		if s.archive != nil {
			there = s
		} else { // what is to go is what came last
			s.version, s.seq = there.version, there.seq
		}
		done, err := t.play(ctx, s, printed)
		if err != nil {
			return v, err
		}
		v.Steps = append(v.Steps, done)
	}
	return v, nil
}

func (t Trial) steps() ([]step, error) {
	id, err := Identify(t.Package)
	if err != nil {
		return nil, fmt.Errorf("package: %w", err)
	}
	steps := []step{
		{"install and enable", "enabled", 0, id, t.Package},
		{"enable with new settings", "enabled", 1, id, t.Package},
	}
	last := id
	if t.Update != nil {
		next, err := Identify(t.Update)
		if err != nil {
			return nil, fmt.Errorf("newer package: %w", err)
		}
		if next.Name != id.Name || next.Version == id.Version {
			return nil, fmt.Errorf("newer package: %s %s is no other version of %s %s", next.Name, next.Version, id.Name, id.Version)
		}
		last = next
		steps = append(steps, step{"update", "enabled", 2, next, t.Update})
	}
	if !last.MultiConfig {
		steps = append(steps, step{name: "disable", state: "disabled"})
	}
	return append(steps, step{name: "uninstall", state: "uninstall"}), nil
}

// goalState is what the step asks for.
func (t Trial) goalState(s step) goal.State {
	x := goal.Extension{Name: s.version.Name, Version: s.version.Version, State: s.state, Zip: s.archive}
	public := goal.JSON("{}")
	if t.Public != "" {
		public = goal.JSON(t.Public)
	}
	var protected goal.Value
	if t.Protected != "" {
		protected = goal.JSON(t.Protected)
	}
	switch {
	case s.version.MultiConfig:
		x.Configs = []goal.Config{{Name: configName, Seq: s.seq, Public: public, Protected: protected}}
		if s.state == "uninstall" {
			x.Configs[0].State = "disabled"
		}
	case s.state == "uninstall":
	default:
		x.Settings = &goal.Settings{Seq: s.seq, Public: public, Protected: protected}
	}
	return goal.State{Extensions: []goal.Extension{x}}
}

// play sets the goal state and waits until the agent is done with it and the extension has come to an end.
func (t Trial) play(ctx context.Context, s step, printed *output) (Step, error) {
	limit := t.Limit
	if limit == 0 {
		limit = 10 * time.Minute
	}
	began := time.Now()
	fmt.Fprintf(t.Out, "%s %s: %s\n", s.version.Name, s.version.Version, s.name)
	set, err := t.Fabric.SetGoalState(ctx, t.VM, t.goalState(s))
	if err != nil {
		return Step{}, err
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	said := ""
	vm, err := t.Fabric.WaitVM(limited, t.VM, func(vm control.VM) (bool, string) {
		over, saw := s.over(vm, set.Incarnation)
		printed.show(limited)
		if saw != said {
			said = saw
			fmt.Fprintf(t.Out, "%7.1fs  %s\n", time.Since(began).Seconds(), saw)
		}
		return over, saw
	})
	h, _ := vm.Handler(s.version.Name, "")
	done := Step{Name: s.name, Took: time.Since(began), Portal: portal(vm, s.version.Name), ready: h.Status == wireserver.Ready}
	if err != nil {
		if ctx.Err() != nil || !errors.Is(limited.Err(), context.DeadlineExceeded) {
			return done, err
		}
		done.Problem = fmt.Sprintf("nothing final within %v; last: %s", limit, said)
		return done, nil
	}
	done.Problem = s.problem(vm)
	return done, nil
}

package tryextension

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/protocol/hostga"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
	"github.com/waagent-go/waagent/fabricsim/control"
)

// Verdict is what came of a trial.
type Verdict struct {
	Extension Identity
	Steps     []Step
}

// Step is what came of one step.
type Step struct {
	Name    string
	Took    time.Duration
	Problem string   // "": it went well
	Portal  []string // what the portal would show

	ready bool // the handler was at the end of the step
}

// OK says that every step went well.
func (v Verdict) OK() bool {
	for _, s := range v.Steps {
		if s.Problem != "" {
			return false
		}
	}
	return true
}

// nothingToDisable says why nothing is enabled after these steps, "" if something may be.
func (v Verdict) nothingToDisable() string {
	if !slices.ContainsFunc(v.Steps, func(s Step) bool { return s.ready }) {
		return "the extension was never enabled"
	}
	if last := v.Steps[len(v.Steps)-1]; last.Name == "update" && !last.ready && last.Took > 0 {
		return "the update that failed had disabled the version before it"
	}
	return ""
}

// Write writes the verdict for people.
func (v Verdict) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s %s\n", v.Extension.Name, v.Extension.Version)
	for _, s := range v.Steps {
		mark := "ok    "
		if s.Problem != "" {
			mark = "FAILED"
		}
		fmt.Fprintf(&b, "  %s %-26s %6.1fs\n", mark, s.Name, s.Took.Seconds())
		if s.Problem != "" {
			fmt.Fprintf(&b, "         %s\n", indented(s.Problem, 9))
		}
		for _, line := range s.Portal {
			fmt.Fprintf(&b, "         portal: %s\n", indented(line, 17))
		}
	}
	word := "The extension works."
	if !v.OK() {
		word = "The extension does not work."
	}
	fmt.Fprintf(&b, "%s\n", word)
	_, err := io.WriteString(w, b.String())
	return err
}

// indented is a text whose later lines begin below the first one, which n blanks stand before. Empty lines are left out.
func indented(text string, n int) string {
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })
	return strings.Join(lines, "\n"+strings.Repeat(" ", n))
}

// portal is what the portal shows of a handler: its own status, and its extension's if that has one.
func portal(vm control.VM, name string) []string {
	h, ok := vm.Handler(name, "")
	if !ok {
		return nil
	}
	lines := []string{fmt.Sprintf("%s %s: %s (%d) %s", h.Name, h.Version, h.Status, h.Code, text(h.Message))}
	if h.Settings == nil {
		return lines
	}
	s := h.Settings.Status.Status
	lines = append(lines, fmt.Sprintf("Provisioning state %s (%d) %s", word(s.Status), number(s.Code), text(&s.Message)))
	for _, sub := range s.Substatus {
		lines = append(lines, fmt.Sprintf("  %s: %s (%d) %s", word(sub.Name), word(sub.Status), number(sub.Code), text(&sub.Message)))
	}
	return lines
}

func word(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

func number(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

func text(m *hostga.Message) string {
	if m == nil || m.Text == nil {
		return ""
	}
	return *m.Text
}

// processed says whether the report is about this goal state or a later one.
func processed(vm control.VM, incarnation int) bool {
	if vm.Status == nil || vm.Status.Decoded.Aggregate.VMArtifacts == nil {
		return false
	}
	return fmt.Sprint(vm.Status.Decoded.Aggregate.VMArtifacts.GoalState.InSvdSeqNo) == fmt.Sprint(incarnation)
}

// over says whether a step has come to an end, and what is seen.
func (s step) over(vm control.VM, incarnation int) (bool, string) {
	h, there := vm.Handler(s.version.Name, "")
	saw := "not reported"
	if there {
		saw = fmt.Sprintf("%s %s (%d)", h.Version, h.Status, h.Code)
		if h.Settings != nil {
			saw += fmt.Sprintf(", settings %d: %s", h.Settings.SequenceNumber, word(h.Settings.Status.Status.Status))
		}
	}
	if !processed(vm, incarnation) {
		return false, saw + ", being processed"
	}
	if s.state != "enabled" || !there || h.Settings == nil || h.Status == wireserver.NotReady {
		return true, saw
	}
	state := word(h.Settings.Status.Status.Status)
	return h.Settings.SequenceNumber == s.seq && state != "transitioning", saw
}

// begins is the first line of what the portal shows in full.
func begins(m *hostga.Message) string {
	line, _, _ := strings.Cut(text(m), "\n")
	return line
}

// problem says what is wrong at the end of a step.
func (s step) problem(vm control.VM) string {
	h, there := vm.Handler(s.version.Name, "")
	switch s.state {
	case "uninstall":
		if there {
			return "the extension is still there: " + begins(h.Message)
		}
		return ""
	case "disabled":
		if !there || h.Code != 0 {
			return "disable failed: " + begins(h.Message)
		}
		return ""
	}
	switch {
	case !there:
		return "the agent reports nothing of the extension"
	case h.Version != s.version.Version:
		return fmt.Sprintf("version %s is there instead of %s", h.Version, s.version.Version)
	case h.Status != wireserver.Ready:
		return fmt.Sprintf("the handler is %s (%d): %s", h.Status, h.Code, begins(h.Message))
	case h.Settings == nil:
		return "the agent reports no status of the extension"
	}
	status := h.Settings.Status.Status
	if state := word(status.Status); state != "success" && state != "warning" {
		return fmt.Sprintf("the extension says %s (%d): %s", state, number(status.Code), begins(&status.Message))
	}
	return ""
}

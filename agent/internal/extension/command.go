package extension

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/status"
	"github.com/waagent-go/waagent/agent/machine"
)

// supportedFeatures is what extensions are told that this agent can do for them.
const supportedFeatures = `[{"Key": "ExtensionTelemetryPipeline", "Value": "1.0"}]`

// notRun is the exit code, as the environment spells it, of an uninstall that was not part of this update.
const notRun = "NOT_RUN"

// call is one command of a handler in a move.
type call struct {
	op  operation
	h   aHandler
	ext *goalstate.Settings // nil: the handler has no settings
	env []string            // besides those that every command gets
}

func (c call) extension() string {
	if c.ext == nil {
		return ""
	}
	return c.ext.Name
}

// run runs a command of a handler, or takes the end that is on record. The exit code is what later commands are told
// of this one; an error is a *failure, or says that the agent is to stop.
func (j *journal) run(ctx context.Context, c call) (exit string, err error) {
	cmd, err := j.command(c)
	if err != nil {
		return strconv.Itoa(c.op.code), err
	}
	if err := j.e.failpoint("%s %s %s", c.op.name, c.h, c.extension()); err != nil {
		return "", err
	}
	c.h.log().Info("Command: "+cmd.Line, "command", c.op.name)
	end, err := j.e.o.Machine.RunHandler(ctx, cmd)
	if stopped(ctx, err) {
		return "", errors.Join(ctx.Err(), err)
	}
	exit, failed := c.judge(cmd, end, err)
	if failed == nil {
		c.succeeded(cmd, end)
		return exit, nil
	}
	failed.event = c.op.event
	c.log(end).Warn("The command failed")
	c.h.commandLog(c.extension(), "%v", failed)
	return exit, failed
}

// command is the call as the machine runs it. The line is empty when there is no manifest to take it from but a record.
func (j *journal) command(c call) (machine.HandlerCommand, error) {
	record := j.record(c.op, c.h, c.extension())
	stem := strings.TrimSuffix(record, ".json")
	cmd := machine.HandlerCommand{Timeout: c.op.timeout, Repeated: c.op.name == opEnable.name}
	for _, p := range []struct {
		path string
		to   *string
	}{{c.h.base(), &cmd.Dir}, {record, &cmd.Record}, {stem + ".stdout", &cmd.Stdout}, {stem + ".stderr", &cmd.Stderr}} {
		real, err := j.e.real(p.path)
		if err != nil {
			return cmd, err
		}
		*p.to = real
	}
	cmd.Env = c.environment(cmd.Dir)
	m, err := c.h.manifest()
	if err != nil {
		if j.has(c.op, c.h, c.extension()) {
			return cmd, nil
		}
		return cmd, err
	}
	line := c.op.line(m.Handler)
	if line == nil {
		return cmd, fail(classError, status.CodeUnknown, errors.New(c.op.key))
	}
	cmd.Line = cmd.Dir + "/" + strings.TrimLeft(*line, "/")
	return cmd, nil
}

func (c call) environment(base string) []string {
	seq, name := "0", []string(nil)
	if c.ext != nil {
		seq = strconv.Itoa(c.ext.Seq)
		if c.ext.Name != "" {
			name = []string{"ConfigExtensionName=" + c.ext.Name}
		}
	}
	env := []string{
		"AZURE_GUEST_AGENT_EXTENSION_PATH=" + base,
		"AZURE_GUEST_AGENT_EXTENSION_VERSION=" + c.h.version.String(),
		"AZURE_GUEST_AGENT_WIRE_PROTOCOL_ADDRESS=" + c.h.e.o.Endpoint(),
		"ConfigSequenceNumber=" + seq,
		"AZURE_GUEST_AGENT_EXTENSION_SUPPORTED_FEATURES=" + supportedFeatures,
	}
	return append(append(env, name...), c.env...)
}

// judge turns the end of a command into its exit code and its failure.
func (c call) judge(cmd machine.HandlerCommand, end machine.CommandEnd, err error) (string, *failure) {
	if err != nil {
		return strconv.Itoa(c.op.code), fail(classOperation, c.op.code, err)
	}
	line := c.line(cmd)
	switch {
	case end.TimedOut:
		return strconv.Itoa(status.CodeTimeout), failText(classError, status.CodeTimeout, "Timeout(%d): %s\n%s",
			int(c.op.timeout.Seconds()), line, c.output(cmd))
	case end.ExitCode != 0:
		return strconv.Itoa(end.ExitCode), failText(classOperation, c.op.code, "Non-zero exit code: %d, %s\n%s%s",
			end.ExitCode, line, c.output(cmd), c.noexec(end.ExitCode))
	}
	return "0", nil
}

func (c call) output(cmd machine.HandlerCommand) string {
	stdout, err := readOutput(cmd.Stdout)
	if err != nil {
		stdout = err.Error()
	}
	stderr, err := readOutput(cmd.Stderr)
	if err != nil {
		stderr = err.Error()
	}
	return formatOutput(stdout, stderr)
}

// noexec explains "permission denied" of a package that lies on a filesystem from which nothing may be executed.
func (c call) noexec(code int) string {
	if code != 126 {
		return ""
	}
	mounts, err := c.h.e.o.Machine.Mounts()
	if err != nil {
		return ""
	}
	lib := path.Clean(c.h.e.o.LibDir)
	for _, m := range mounts {
		inside := m.Target == "/" || lib == m.Target || strings.HasPrefix(lib, m.Target+"/")
		if inside && hasOption(m.Options, "noexec") {
			text := fmt.Sprintf("%s is mounted with the noexec option, which keeps extensions from being executed", m.Target)
			c.h.event("NoExec", false, text)
			return "\n" + text
		}
	}
	return ""
}

func hasOption(options, name string) bool {
	for o := range strings.SplitSeq(options, ",") {
		if o == name {
			return true
		}
	}
	return false
}

// line names the command in messages.
func (c call) line(cmd machine.HandlerCommand) string { return cmp.Or(cmd.Line, c.op.name) }

func (c call) log(end machine.CommandEnd) *slog.Logger {
	return c.h.log().With("command", c.op.name, "exit", end.ExitCode, "took", end.Took)
}

// succeeded tells the handler's log and the fabric what the command printed, and the agent's log if it did print.
func (c call) succeeded(cmd machine.HandlerCommand, end machine.CommandEnd) {
	c.log(end).Info("The command succeeded")
	lines := slices.DeleteFunc(strings.Split(c.output(cmd), "\n"), func(l string) bool { return strings.TrimSpace(l) == "" })
	text := "Command: " + c.line(cmd) + "\n" + strings.Join(lines, "\n")
	if len(lines) > 2 { // more than the two headings
		c.h.log().Info(text)
	}
	c.h.commandLog(c.extension(), "%s", text)
	c.h.timedEvent(c.op.event, true, text, end.Took)
}

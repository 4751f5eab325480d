package host_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/poll"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/machine"
)

// program writes an executable shell script.
func program(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	text := "#!/bin/sh\n" + strings.Join(lines, "\n") + "\n"
	assert.NilError(t, os.WriteFile(path, []byte(text), 0o755))
	return path
}

func run(t *testing.T, c machine.Command) (machine.Result, error) {
	t.Helper()
	return host.New("/", nil).Run(t.Context(), c)
}

func TestTimeoutKillsTheProgramAndItsChildren(t *testing.T) {
	t.Parallel()
	pidFile := filepath.Join(t.TempDir(), "pid")
	path := program(t, "sleep 600 &", "echo $! > "+pidFile+".new", "mv "+pidFile+".new "+pidFile, "wait")
	_, err := run(t, machine.Command{Argv: []string{path}, Timeout: 300 * time.Millisecond})
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "killed after 300ms")
	text, err := os.ReadFile(pidFile)
	assert.NilError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	assert.NilError(t, err)
	poll.WaitOn(t, func(poll.LogT) poll.Result { // a zombie until somebody reaps it, but not running
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return poll.Success()
		}
		return poll.Continue("child %d is there: %s", pid, stat)
	}, poll.WithTimeout(5*time.Second), poll.WithDelay(10*time.Millisecond))
}

func TestDeathBySignalIsNegative(t *testing.T) {
	t.Parallel()
	res, err := run(t, machine.Command{Argv: []string{program(t, "kill -TERM $$")}})
	var exit *machine.ExitError
	assert.Assert(t, errors.As(err, &exit))
	assert.Equal(t, res.ExitCode, -int(syscall.SIGTERM))
	assert.Equal(t, exit.Code, -int(syscall.SIGTERM))
}

func TestADaemonLeftBehindDoesNotHoldTheCaller(t *testing.T) {
	t.Parallel()
	began := time.Now()
	res, err := run(t, machine.Command{Argv: []string{program(t, "sleep 20 &", "echo started")}})
	assert.NilError(t, err)
	assert.Equal(t, string(res.Stdout), "started\n")
	assert.Assert(t, time.Since(began) < 10*time.Second)
}

func TestOutputIsBoundedAndTheEndOfStderrIsInTheError(t *testing.T) {
	t.Parallel()
	path := program(t, "head -c 6000000 /dev/zero", "head -c 100000 /dev/zero | tr '\\0' x >&2", "echo the reason >&2", "exit 3")
	res, err := run(t, machine.Command{Argv: []string{path}})
	var exit *machine.ExitError
	assert.Assert(t, errors.As(err, &exit))
	assert.Equal(t, len(res.Stdout), 4<<20)
	assert.Assert(t, strings.HasSuffix(exit.Stderr, "the reason"))
	assert.Assert(t, len(exit.Stderr) < 3000)
}

func TestAnAbsolutePathThatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	_, err := run(t, machine.Command{Argv: []string{filepath.Join(t.TempDir(), "none")}})
	assert.ErrorIs(t, err, exec.ErrNotFound)
}

package hosttest

import (
	"context"
	"errors"
	"io/fs"
	"os/exec"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/machine"
)

// Contract is what every machine.Machine keeps. A machine under this test has the programs true, false, cat and
// printenv (ContractAnswers for a Script), no program nosuchprogram, and the folder /dir with an empty file /dir/file.
func Contract(t *testing.T, m machine.Machine) {
	ctx := t.Context()
	run := func(argv ...string) (machine.Result, error) {
		return m.Run(ctx, machine.Command{Argv: argv, Stdin: []byte("word"), Env: []string{"CONTRACT=kept"}})
	}
	t.Run("a program that is not there is exec.ErrNotFound", func(t *testing.T) {
		_, err := run("nosuchprogram")
		assert.ErrorIs(t, err, exec.ErrNotFound)
		assert.Assert(t, !m.Has("nosuchprogram"))
		assert.Assert(t, m.Has("cat"))
	})
	t.Run("a program that says no is an ExitError", func(t *testing.T) {
		res, err := run("false")
		var exit *machine.ExitError
		assert.Assert(t, errors.As(err, &exit))
		assert.Equal(t, exit.Code, 1)
		assert.Equal(t, res.ExitCode, 1)
		assert.DeepEqual(t, exit.Argv, []string{"false"})
	})
	t.Run("output, input and environment pass", func(t *testing.T) {
		res, err := run("cat")
		assert.NilError(t, err)
		assert.Equal(t, string(res.Stdout), "word")
		res, err = run("printenv", "CONTRACT")
		assert.NilError(t, err)
		assert.Equal(t, string(res.Stdout), "kept\n")
	})
	t.Run("a cancelled context is the error", func(t *testing.T) {
		done, cancel := context.WithCancel(ctx)
		cancel()
		_, err := m.Run(done, machine.Command{Argv: []string{"cat"}})
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, m.Mount(done, "/dev/none", "/dir", "ext4", ""), context.Canceled)
	})
	t.Run("chown and mount want something to be there", func(t *testing.T) {
		assert.ErrorIs(t, m.Chown("/dir/nothing", 0, 0), fs.ErrNotExist)
		assert.Assert(t, m.Mount(ctx, "/dev/none", "/nothing", "ext4", "") != nil)
		assert.Assert(t, m.Unmount(ctx, "/dir") != nil)
	})
	t.Run("the boot has a name and a beginning", func(t *testing.T) {
		assert.Assert(t, m.BootID() != "")
		assert.Assert(t, m.Uptime() > time.Second)
		name, err := m.Hostname()
		assert.NilError(t, err)
		assert.Assert(t, name != "")
	})
}

// ContractAnswers are the programs Contract runs.
func ContractAnswers() []Answer {
	return []Answer{
		Missing("nosuchprogram"), OK("true", ""), Fail("false", 1, ""), OK("cat", "word"), OK("printenv CONTRACT", "kept\n"),
	}
}

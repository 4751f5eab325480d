//go:build linux

package reap

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"gotest.tools/v3/assert"
)

var quiet = slog.New(slog.DiscardHandler)

func TestAClaimedFolderIsLeftAlone(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	f, err := Claim(parent, "vm-")
	assert.NilError(t, err)
	assert.NilError(t, Dead(parent, "vm-", quiet))
	assert.NilError(t, os.WriteFile(filepath.Join(f.Dir, "x"), nil, 0o600))
	assert.NilError(t, f.Release())
	_, err = os.Stat(f.Dir)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// The program of a dead owner's folder ends; a program that only has the same number lives.
func TestWhatADeadRunLeftIsRemoved(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	left := abandoned(t, parent)
	program := exec.Command("sh", "-c", "read line # "+left)
	stranger := exec.Command("sh", "-c", "read line")
	for dir, cmd := range map[string]*exec.Cmd{left: program, abandoned(t, parent): stranger} {
		_, err := cmd.StdinPipe()
		assert.NilError(t, err)
		assert.NilError(t, cmd.Start())
		t.Cleanup(func() { cmd.Process.Kill() })
		assert.NilError(t, os.WriteFile(filepath.Join(dir, PidFile), []byte(strconv.Itoa(cmd.Process.Pid)), 0o600))
	}
	assert.NilError(t, Dead(parent, "vm-", quiet))
	rest, err := filepath.Glob(filepath.Join(parent, "vm-*"))
	assert.NilError(t, err)
	assert.Equal(t, len(rest), 0)
	assert.ErrorContains(t, program.Wait(), "killed")
	assert.NilError(t, stranger.Process.Signal(os.Interrupt))
	assert.ErrorContains(t, stranger.Wait(), "interrupt")
}

// abandoned is a folder whose owner is gone.
func abandoned(t *testing.T, parent string) string {
	f, err := Claim(parent, "vm-")
	assert.NilError(t, err)
	assert.NilError(t, f.lock.Close())
	return f.Dir
}

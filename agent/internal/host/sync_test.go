package host_test

import (
	"os"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/host"
)

// loop makes a link to itself, which nobody can open, and a file and a folder beside it.
func loop(t *testing.T) host.Files {
	t.Helper()
	root := t.TempDir()
	assert.NilError(t, os.Symlink("loop", root+"/loop"))
	assert.NilError(t, os.MkdirAll(root+"/dir/below", 0o755))
	assert.NilError(t, os.WriteFile(root+"/dir/file", nil, 0o644))
	return host.Files{Root: root}
}

func TestSyncNamesTheFilesThatAreNotOnDisk(t *testing.T) {
	t.Parallel()
	failed := loop(t).Sync("/dir/file", "/loop", "/dir", "/gone")
	assert.Equal(t, len(failed), 1)
	assert.ErrorContains(t, failed["/loop"], "links")
}

// TestSyncAsksTheDiskForEachFile of a device that has no disk behind it: it can be opened, and refuses.
func TestSyncAsksTheDiskForEachFile(t *testing.T) {
	t.Parallel()
	failed := host.Files{Root: "/"}.Sync(t.TempDir(), "/dev/null")
	assert.Equal(t, len(failed), 1)
	assert.ErrorContains(t, failed["/dev/null"], "sync")
}

func TestSyncTreeTakesFilesAndFoldersAndLeavesLinksAlone(t *testing.T) {
	t.Parallel()
	files := loop(t)
	assert.NilError(t, files.SyncTree("/"))
	assert.NilError(t, files.SyncTree("/dir"))
	assert.ErrorIs(t, files.SyncTree("/gone"), os.ErrNotExist)
}

package images

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"
)

// What a killed build has left mounted in its tree is detached, not emptied.
func TestAWorkspaceDetachesWhatWasLeftMounted(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	outside := t.TempDir()
	precious := filepath.Join(outside, "precious")
	assert.NilError(t, os.WriteFile(precious, nil, 0o600))
	dir := filepath.Join(t.TempDir(), "work")
	mounted := filepath.Join(dir, "tree", "dev")
	assert.NilError(t, os.MkdirAll(mounted, 0o755))
	if err := syscall.Mount(outside, mounted, "", syscall.MS_BIND, ""); err != nil {
		t.Skip(err)
	}
	path, discard, err := workspace(dir)
	assert.NilError(t, err)
	assert.Assert(t, exists(path) && !exists(mounted))
	discard()
	assert.Assert(t, !exists(path) && exists(precious))
}

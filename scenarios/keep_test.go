package scenarios

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/scenarios/report"
)

func TestASkippedScriptSaysWhyAndNotItsStory(t *testing.T) {
	t.Parallel()
	var res report.Result
	o := &observer{T: plainT{io.Discard}, result: &res}
	done := make(chan struct{})
	go func() { // Skip ends its goroutine
		defer close(done)
		defer o.Log("> boot")
		o.Log("before")
		o.Skip("image x: no registry")
	}()
	<-done
	assert.Equal(t, res.Outcome, report.Skipped)
	assert.Equal(t, res.Detail, "image x: no registry")
}

func TestAFailureBeginsWithItsReason(t *testing.T) {
	t.Parallel()
	var res report.Result
	var said strings.Builder
	o := &observer{T: plainT{&said}, result: &res}
	o.Log("WORK=$WORK\nPATH=/bin\nexe=\n\n# A promise.\n> boot\n> stdout x\n[stdout]\ny\n\nFAIL: scripts/boot/x.txtar:5: no match for x\n")
	assert.Equal(t, res.Reason(), "FAIL: scripts/boot/x.txtar:5: no match for x")
	assert.Assert(t, strings.HasPrefix(res.Detail, "# A promise."), res.Detail)
	assert.Assert(t, !strings.Contains(said.String(), "PATH="), said.String())
	res.Verdict = "the agent's log has a warning"
	assert.Equal(t, res.Reason(), "the agent's log has a warning")
}

func TestKeptLogsAreFilesAndStayInTheirFolder(t *testing.T) {
	t.Parallel()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, h := range []tar.Header{
		{Name: "azure/", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: "azure/C.T/x.log", Typeflag: tar.TypeReg, Size: 3},
		{Name: "azure/link", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
	} {
		assert.NilError(t, w.WriteHeader(&h))
		if h.Size > 0 {
			_, err := w.Write([]byte("yes"))
			assert.NilError(t, err)
		}
	}
	assert.NilError(t, w.Close())
	dir := t.TempDir()
	assert.NilError(t, untar(archive.Bytes(), dir))
	data, err := os.ReadFile(filepath.Join(dir, "azure/C.T/x.log"))
	assert.NilError(t, err)
	assert.Equal(t, string(data), "yes")
	_, err = os.Lstat(filepath.Join(dir, "azure/link"))
	assert.Assert(t, os.IsNotExist(err))
	assert.NilError(t, untar(archive.Bytes()[:700], dir))
	assert.NilError(t, untar(nil, dir))
}

package extension_test

import (
	"encoding/base64"
	"os"
	"os/exec"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/agent/internal/status"
	"github.com/waagent-go/waagent/agent/protocol/secret"
)

// tool runs a program of the test's machine in the agent's folder, and skips the test where there is none.
func (w *world) tool(program string, args ...string) {
	w.t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		w.t.Skipf("no %s program", program)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = w.lib("")
	out, err := cmd.CombinedOutput()
	assert.NilError(w.t, err, "%s %v: %s", program, args, out)
}

func TestHandlerWrittenInGoLivesItsWholeLife(t *testing.T) {
	w := newWorld(t)
	program := t.TempDir() + "/shim"
	source, err := os.Getwd()
	assert.NilError(t, err)
	w.tool("go", "build", "-C", source, "-o", program, "./testdata/gohandler")
	binary, err := os.ReadFile(program)
	assert.NilError(t, err)
	w.tool("openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=tenant", "-keyout", "ABCD.prv", "-out", "ABCD.crt")
	assert.NilError(t, os.WriteFile(w.lib("plain"), []byte(`{"message": "I can keep a secret"}`), 0o600))
	w.tool("openssl", "cms", "-encrypt", "-in", "plain", "-outform", "DER", "-out", "sealed", "ABCD.crt")
	sealed := []byte(w.read("sealed"))

	for _, version := range []string{"1.0.0", "1.1.0"} {
		w.shop.sell(contoso, version, pack{"bin/shim": string(binary)})
		h := wants(version, 1)
		h.Settings[0].Protected = secret.New(base64.StdEncoding.EncodeToString(sealed))
		h.Settings[0].Thumbprint = "ABCD"
		if version == "1.1.0" {
			h.Settings[0].Seq = 2
		}
		w.process(h)
		got := w.until("", "secret")
		assert.Equal(t, got.Version, version)
		assert.Equal(t, got.Extension.Status, status.Success)
	}
	w.process(uninstall(wants("1.1.0", 2)))
	assert.Equal(t, len(w.engine.Report()), 0)
	log, err := os.ReadFile(w.root + "/var/log/azure/Contoso.Demo/gohandler.log")
	assert.NilError(t, err)
	assert.Assert(t, cmp.Regexp(`^install\nenable left \d+\ndisable\nupdate\nuninstall\ninstall\nenable left \d+\ndisable\nuninstall\n$`, string(log)))
}

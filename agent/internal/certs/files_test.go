package certs_test

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/certs"
	"github.com/waagent-go/waagent/agent/internal/host"
)

// Extensions and other tools hand these files to the openssl program.
func TestTheFilesServeOpenssl(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl program")
	}
	dir := t.TempDir()
	store := certs.Store{Files: host.Files{Root: dir}, Dir: "/", Log: quiet}
	tr, err := store.Transport()
	assert.NilError(t, err)
	key, cert := tenant(t, rsaKey(t))
	content := pfx([][]byte{key}, [][]byte{cert})
	_, transportCert := load(t, tr)
	_, err = store.Unpack(tr, answer(base64.StdEncoding.EncodeToString(seal(t, transportCert, content, sealing{keySize: 16}))))
	assert.NilError(t, err)

	openssl(t, dir, "cms", "-decrypt", "-in", "Certificates.p7m", "-inkey", "TransportPrivate.pem", "-out", "out.pfx")
	got, err := os.ReadFile(filepath.Join(dir, "out.pfx"))
	assert.NilError(t, err)
	assert.DeepEqual(t, got, content)

	thumb := certs.Thumbprint(cert)
	write(t, dir, "settings.json", []byte(`{"a":1}`))
	openssl(t, dir, "cms", "-encrypt", "-binary", "-in", "settings.json", "-outform", "DER", "-out", "settings.cms", "-aes256", thumb+".crt")
	openssl(t, dir, "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "settings.cms", "-recip", thumb+".crt", "-inkey", thumb+".prv", "-out", "opened.json")
	got, err = os.ReadFile(filepath.Join(dir, "opened.json"))
	assert.NilError(t, err)
	assert.Equal(t, string(got), `{"a":1}`)
	openssl(t, dir, "x509", "-in", "TransportCert.pem", "-noout", "-checkend", "0")
}

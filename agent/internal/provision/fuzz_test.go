package provision

import (
	"encoding/pem"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/config"
	"github.com/waagent-go/waagent/agent/internal/host"
)

// FuzzRecord finds a foreign record of provisioning. Whatever is there, what is written over it is read again.
func FuzzRecord(f *testing.F) {
	for _, text := range []string{`{"version": 9, "hostName": "old", "later": [1]}`, `null`, `[]`, `{"VM": 5}`, ``, `{"vm":"a","Vm":"b"}`} {
		f.Add([]byte(text))
	}
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		p := &Provisioner{Files: host.Files{Root: root}, Config: config.Config{LibDir: "/lib"}}
		assert.NilError(t, p.Files.MkdirAll("/lib/state", 0o700))
		assert.NilError(t, p.Files.WriteAtomic(p.lib(recordFile), data, 0o600))
		want := record{Version: 1, VM: "vm", Agent: "3.0.0.0", Flavour: "waagent", UserName: "ann", GuestAgent: true}
		assert.NilError(t, p.writeRecord(want))
		got, err := p.readRecord()
		assert.NilError(t, err)
		assert.DeepEqual(t, got, want)
	})
}

// FuzzSSHKey reads foreign lines. A key that was found stands in the line, and alone on a line it is found again.
func FuzzSSHKey(f *testing.F) {
	f.Add(userKey)
	f.Add(`command="x y" ` + userKey)
	f.Add("ssh-rsa AAAA")
	f.Fuzz(func(t *testing.T, line string) {
		key, err := parseSSHKey(line)
		if err != nil {
			return
		}
		assert.Assert(t, strings.Contains(line, key.blob))
		again, err := parseSSHKey(key.kind + " " + key.blob)
		assert.NilError(t, err)
		assert.Equal(t, again, key)
	})
}

// FuzzCertificateKey reads foreign certificates. A line that comes of one is a key, and only a line.
func FuzzCertificateKey(f *testing.F) {
	f.Add([]byte("x"))
	f.Add([]byte{0x30, 0x03, 0x30, 0x01, 0x00})
	f.Fuzz(func(t *testing.T, der []byte) {
		_, line, err := certificateKey(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		if err != nil {
			return
		}
		_, err = parseSSHKey(line)
		assert.NilError(t, err)
		assert.Assert(t, !strings.ContainsAny(line, "\r\n"))
	})
}

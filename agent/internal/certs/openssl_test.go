package certs_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/certs"
)

// openssl is the program that the original agent, and the fabric's look-alikes, make these documents with.
func openssl(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, "%s", out)
}

func write(t *testing.T, dir, name string, data ...[]byte) {
	t.Helper()
	var all []byte
	for _, d := range data {
		all = append(all, d...)
	}
	assert.NilError(t, os.WriteFile(filepath.Join(dir, name), all, 0o600))
}

func TestWhatOpensslMakesIsRead(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl program")
	}
	tr, _ := transport(t)
	key, cert := tenant(t, rsaKey(t))
	ecPKCS8, ecCert := tenant(t, ecKey(t))
	_, bare := tenant(t, rsaKey(t))
	asPEM := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	pbe := [][]string{
		{"-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1", "-iter", "2000"},
		{"-keypbe", "AES-256-CBC", "-certpbe", "AES-256-CBC"},
		{"-keypbe", "AES-128-CBC", "-certpbe", "NONE", "-nomac"},
		{"-keypbe", "NONE", "-certpbe", "NONE"},
	}
	cms := [][]string{
		{"cms", "-des3", "-keyid"}, {"cms", "-aes128", "-keyid"}, {"cms", "-aes128"}, {"cms", "-aes192"},
		{"cms", "-aes256", "-stream"}, {"smime", "-des3"},
		{"cms", "-aes128", "-keyopt", "rsa_padding_mode:oaep"},
		{"cms", "-aes128", "-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"},
	}
	for i, c := range cms {
		p, kp, cp := pbe[i%len(pbe)], key, cert
		if i%2 == 1 {
			kp, cp = ecPKCS8, ecCert
		}
		t.Run(c[1]+" "+c[len(c)-1]+" "+p[1], func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "to.pem", tr.CertPEM())
			write(t, dir, "in.pem", asPEM("PRIVATE KEY", kp), asPEM("CERTIFICATE", cp), asPEM("CERTIFICATE", bare))
			openssl(t, dir, append([]string{"pkcs12", "-export", "-in", "in.pem", "-out", "out.pfx", "-passout", "pass:"}, p...)...)
			verb := append([]string{c[0], "-encrypt", "-binary", "-in", "out.pfx", "-outform", "DER", "-out", "out.cms"}, c[1:]...)
			if c[len(c)-2] == "-keyopt" { // options follow the recipient they belong to
				verb = append([]string{c[0], "-encrypt", "-binary", "-in", "out.pfx", "-outform", "DER", "-out", "out.cms", c[1], "-recip", "to.pem"}, c[2:]...)
			} else {
				verb = append(verb, "to.pem")
			}
			openssl(t, dir, verb...)
			message, err := os.ReadFile(filepath.Join(dir, "out.cms"))
			assert.NilError(t, err)
			b, err := certs.Open(tr, answer(base64.StdEncoding.EncodeToString(message)))
			assert.NilError(t, err)
			assert.Equal(t, len(b.Pairs), 2)
			assert.Equal(t, b.Orphans, 0)
			assert.DeepEqual(t, b.Pairs[0].Cert, cp)
			assert.DeepEqual(t, b.Pairs[1].Cert, bare)
			want, err := x509.ParsePKCS8PrivateKey(kp)
			assert.NilError(t, err)
			got, err := x509.ParsePKCS8PrivateKey(b.Pairs[0].Key)
			assert.NilError(t, err)
			assert.DeepEqual(t, pkcs8(t, got), pkcs8(t, want))
		})
	}
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	assert.NilError(t, err)
	return der
}

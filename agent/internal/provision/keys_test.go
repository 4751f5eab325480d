package provision

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
	"github.com/waagent-go/waagent/agent/protocol/ovfenv"
)

// certificate is a PEM certificate of a key, with a serial number as odd as the fabric's.
func certificate(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "tenant"}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<31, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	assert.NilError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestCertificatesOfEveryKindBecomeSSHKeys(t *testing.T) {
	t.Parallel()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	assert.NilError(t, err)
	e, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	assert.NilError(t, err)
	_, d, err := ed25519.GenerateKey(rand.Reader)
	assert.NilError(t, err)
	for _, key := range []crypto.Signer{r, e, d} {
		_, line, err := certificateKey(certificate(t, key))
		assert.NilError(t, err)
		want, err := ssh.NewPublicKey(key.Public())
		assert.NilError(t, err)
		assert.Equal(t, line+"\n", string(ssh.MarshalAuthorizedKey(want)))
		_, err = parseSSHKey(line)
		assert.NilError(t, err)
	}
}

func TestKeysByThumbprintAndPairsComeFromTheFabric(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	assert.NilError(t, err)
	const thumbprint = "00112233445566778899AABBCCDDEEFF00112233"
	v.env.Linux.PublicKeys = []ovfenv.PublicKey{{Path: "/home/bob/.ssh/authorized_keys", Fingerprint: strings.ToLower(thumbprint)}}
	v.env.Linux.KeyPairs = []ovfenv.KeyPair{{Path: "$HOME/bob/.ssh/id", Fingerprint: thumbprint}}
	v.Certificates = func(context.Context) error {
		put(t, v.Files, "/var/lib/waagent/"+thumbprint+".crt", string(certificate(t, private)))
		put(t, v.Files, "/var/lib/waagent/"+thumbprint+".prv", "-----BEGIN PRIVATE KEY-----\n")
		return nil
	}
	_, err = v.Run(t.Context())
	assert.NilError(t, err)
	want, err := ssh.NewPublicKey(private.Public())
	assert.NilError(t, err)
	line := string(ssh.MarshalAuthorizedKey(want))
	assert.Equal(t, v.text(t, "/home/bob/.ssh/authorized_keys"), line)
	assert.Equal(t, v.text(t, "/home/bob/.ssh/id.pub"), line)
	for name, mode := range map[string]os.FileMode{
		"/home/bob/.ssh/id": 0o600, "/home/bob/.ssh/id.pub": 0o644, "/var/lib/waagent/" + thumbprint + ".pub": 0o600,
	} {
		assert.Equal(t, v.mode(t, name), mode, name)
	}
	owner, _ := v.m.Owner("/home/bob/.ssh/id")
	assert.DeepEqual(t, owner, hosttest.Owner{UID: 1000, GID: 1001})
}

func TestKeysAreAppendedOnce(t *testing.T) {
	t.Parallel()
	old := "# mine\nfrom=\"10.0.0.1\" " + strings.TrimSuffix(userKey, " bob@example") + " another comment"
	assert.Equal(t, string(appendKeys([]byte(old), []string{userKey})), old+"\n")
	other := "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQA="
	assert.Equal(t, string(appendKeys([]byte(old), []string{other, other})), old+"\n"+other+"\n")
	assert.Equal(t, string(appendKeys([]byte("#"+userKey+"\n"), []string{userKey})), "#"+userKey+"\n"+userKey+"\n")
}

func TestOddKeysAreRefused(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"", "hello", "ssh-rsa", "ssh-rsa %%%", "ssh-rsa AAAA", "ssh-ed25519 AAAAB3NzaC1yc2EAAAADAQABAAAAAQA=", "ssh-rsa /////w==",
		"-----BEGIN PUBLIC KEY-----", "---- BEGIN SSH2 PUBLIC KEY ----",
	} {
		_, err := parseSSHKey(line)
		assert.Assert(t, err != nil, "%q", line)
	}
}

func TestTheHomeKeepsItsMode(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	assert.NilError(t, v.Files.MkdirAll("/home/bob", 0o755))
	v.env.Linux.PublicKeys[0].Path = "/home/bob/authorized_keys"
	_, err := v.Run(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, v.mode(t, "/home/bob"), os.FileMode(0o755))
	owner, _ := v.m.Owner("/home/bob") // a folder that waited for its user becomes the user's
	assert.DeepEqual(t, owner, hosttest.Owner{UID: 1000, GID: 1001})
}

func TestSELinuxLabelsWhereItIsOn(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	v.m = hosttest.New(t, v.Files.Root, append([]hosttest.Answer{
		hosttest.OK("getenforce", "Enforcing\n"),
		hosttest.OK("chcon unconfined_u:object_r:ssh_home_t:s0 /home/bob/.ssh/authorized_keys", ""),
	}, v.answers()...)...)
	v.m.OnMount, v.Machine = v.mount, v.m
	_, err := v.Run(t.Context())
	assert.NilError(t, err)
	assert.Assert(t, strings.Contains(strings.Join(v.m.Calls(), "\n"), "chcon "))
}

// FuzzAppendKeys: whatever a file holds, it stays, and adding a key twice is adding it once.
func FuzzAppendKeys(f *testing.F) {
	f.Add("", userKey)
	f.Add("# c\nssh-rsa AAAA", userKey)
	f.Fuzz(func(t *testing.T, old, line string) {
		line = strings.TrimSpace(line)
		if _, err := parseSSHKey(line); err != nil || strings.ContainsAny(line, "\r\n") {
			return
		}
		once := appendKeys([]byte(old), []string{line})
		assert.Assert(t, strings.HasPrefix(string(once), old))
		assert.Equal(t, string(appendKeys(once, []string{line})), string(once))
	})
}

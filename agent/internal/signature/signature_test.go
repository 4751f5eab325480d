package signature_test

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/signature"
)

// signed is a folder with a package, a root, a signer, and another root, made by the openssl program: it knows nothing
// of this package.
type signed struct {
	t   *testing.T
	dir string
}

func newSigned(t *testing.T, keyType ...string) signed {
	t.Helper()
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl program")
	}
	s := signed{t, t.TempDir()}
	if len(keyType) == 0 {
		keyType = []string{"rsa:2048"}
	}
	assert.NilError(t, os.WriteFile(s.path("package.zip"), []byte("this is a package"), 0o600))
	for _, root := range []string{"root", "other"} {
		s.openssl(append([]string{"req", "-x509", "-nodes", "-subj", "/CN=" + root, "-days", "3650",
			"-keyout", root + ".key", "-out", root + ".pem", "-newkey"}, keyType...)...)
	}
	s.openssl(append([]string{"req", "-nodes", "-subj", "/CN=signer", "-keyout", "signer.key", "-out", "signer.csr", "-newkey"}, keyType...)...)
	assert.NilError(t, os.WriteFile(s.path("ext"), []byte("subjectKeyIdentifier=hash\n"), 0o600))
	s.openssl("x509", "-req", "-extfile", "ext", "-in", "signer.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-days", "1", "-out", "signer.pem")
	return s
}

func (s signed) path(name string) string { return filepath.Join(s.dir, name) }

func (s signed) openssl(args ...string) {
	s.t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Dir = s.dir
	out, err := cmd.CombinedOutput()
	assert.NilError(s.t, err, "openssl %v: %s", args, out)
}

// sign is the signature of the package with more options to openssl.
func (s signed) sign(more ...string) string {
	s.t.Helper()
	s.openssl(append([]string{"cms", "-sign", "-binary", "-in", "package.zip", "-signer", "signer.pem", "-inkey", "signer.key",
		"-outform", "der", "-out", "signature"}, more...)...)
	der, err := os.ReadFile(s.path("signature"))
	assert.NilError(s.t, err)
	return base64.StdEncoding.EncodeToString(der)
}

func (s signed) verifier(root string) signature.Verifier {
	s.t.Helper()
	data, err := os.ReadFile(s.path(root + ".pem"))
	assert.NilError(s.t, err)
	v, err := signature.New(data)
	assert.NilError(s.t, err)
	return v
}

func TestWhatOpensslSignedIsVerified(t *testing.T) {
	for name, c := range map[string]struct{ key, options []string }{
		"rsa sha256":     {nil, nil},
		"rsa sha512":     {nil, []string{"-md", "sha512"}},
		"rsa pss":        {nil, []string{"-keyopt", "rsa_padding_mode:pss"}},
		"by key id":      {nil, []string{"-keyid"}},
		"no attributes":  {nil, []string{"-noattr"}},
		"elliptic curve": {[]string{"ec", "-pkeyopt", "ec_paramgen_curve:P-256"}, []string{"-md", "sha384"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSigned(t, c.key...)
			assert.NilError(t, s.verifier("root").Verify(s.path("package.zip"), s.sign(c.options...)))
		})
	}
}

func TestAChangedPackageIsRefused(t *testing.T) {
	s := newSigned(t)
	sig := s.sign()
	assert.NilError(t, os.WriteFile(s.path("package.zip"), []byte("this is a Package"), 0o600))
	assert.ErrorContains(t, s.verifier("root").Verify(s.path("package.zip"), sig), "of another file")
}

func TestASignerOfAnotherRootIsRefused(t *testing.T) {
	s := newSigned(t)
	assert.ErrorContains(t, s.verifier("other").Verify(s.path("package.zip"), s.sign()), "signer CN=signer: x509: ")
	v, err := signature.New(signature.MicrosoftRoot())
	assert.NilError(t, err)
	assert.ErrorContains(t, v.Verify(s.path("package.zip"), s.sign()), "signer CN=signer: x509: ")
}

func TestASignatureThatIsNoneIsRefused(t *testing.T) {
	s := newSigned(t)
	v, file := s.verifier("root"), s.path("package.zip")
	assert.ErrorIs(t, v.Verify(file, " "), signature.ErrUnsigned)
	assert.ErrorContains(t, v.Verify(file, "!"), "decode signature")
	assert.ErrorContains(t, v.Verify(file, "AAAA"), "parse signature")
	assert.ErrorContains(t, v.Verify(file, s.sign("-nocerts")), "does not bring its signer's certificate")
	assert.ErrorContains(t, v.Verify(file, s.sign("-nodetach")), "content of its own")
	assert.ErrorContains(t, v.Verify(file, s.sign("-md", "sha1")), "too weak")
}

func TestEveryByteOfASignatureMatters(t *testing.T) {
	s := newSigned(t)
	der, err := base64.StdEncoding.DecodeString(s.sign("-nosmimecap"))
	assert.NilError(t, err)
	v := s.verifier("root")
	accepted := 0
	for i := range der {
		changed := append([]byte(nil), der...)
		changed[i] ^= 0x01
		if v.Verify(s.path("package.zip"), base64.StdEncoding.EncodeToString(changed)) == nil {
			accepted++
		}
	}
	// Versions and the list of digest algorithms are nobody's concern, and the last bits of the names neither.
	assert.Assert(t, accepted < 40, "%d changes went unseen", accepted)
}

func TestTheEmbeddedRootIsMicrosofts(t *testing.T) {
	t.Parallel()
	block, rest := pem.Decode(signature.MicrosoftRoot())
	assert.Equal(t, len(rest), 0)
	assert.Equal(t, fmt.Sprintf("%X", sha1.Sum(block.Bytes)), "8F43288AD272F3103B6FB1428485EA3014C0BCFE")
	cert, err := x509.ParseCertificate(block.Bytes)
	assert.NilError(t, err)
	assert.Equal(t, cert.Subject.CommonName, "Microsoft Root Certificate Authority 2011")
}

func FuzzVerify(f *testing.F) {
	v, err := signature.New(signature.MicrosoftRoot())
	assert.NilError(f, err)
	file := filepath.Join(f.TempDir(), "package.zip")
	assert.NilError(f, os.WriteFile(file, []byte("x"), 0o600))
	if seeds, err := filepath.Glob("testdata/*.der"); err == nil {
		for _, s := range seeds {
			data, err := os.ReadFile(s)
			assert.NilError(f, err)
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		if v.Verify(file, base64.StdEncoding.EncodeToString(der)) == nil {
			t.Fatal("nobody signed this")
		}
	})
}

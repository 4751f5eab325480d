package tenant

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestOpensslDecryptsEveryCipher(t *testing.T) {
	t.Parallel()
	to, dir := transport(t)
	for name, c := range map[string]Cipher{"aes128": AES128(), "aes256": AES256(), "3des": TripleDES()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message, err := Envelop(to, []byte("a goal state's secret"), c)
			assert.NilError(t, err)
			assert.Equal(t, decrypt(t, dir, message), "a goal state's secret")
		})
	}
}

func TestRecipientWithoutKeyIDIsNamedByIssuer(t *testing.T) {
	t.Parallel()
	to, dir := transport(t)
	to.SubjectKeyId = nil
	message, err := Envelop(to, []byte("x"), AES128())
	assert.NilError(t, err)
	assert.Equal(t, decrypt(t, dir, message), "x")
}

func TestOpensslReadsThePFXTheFabricSends(t *testing.T) {
	t.Parallel()
	first, err := Issue("TenantEncryptionCert", time.Now(), RSA, false)
	assert.NilError(t, err)
	second, err := Issue("User", time.Now(), EC, false)
	assert.NilError(t, err)
	bare, err := Issue("Bare", time.Now(), EC, true)
	assert.NilError(t, err)
	pfx, err := EncodePFX(TripleDESForm, first, second, bare)
	assert.NilError(t, err)

	out := openssl(t, pfx, "pkcs12", "-nodes", "-passin", "pass:")
	assert.Equal(t, strings.Count(out, "BEGIN PRIVATE KEY"), 2, out)
	assert.Equal(t, strings.Count(out, "BEGIN CERTIFICATE"), 3, out)
	assert.Assert(t, strings.Contains(out, "friendlyName: TenantEncryptionCert"), out)
	info := openssl(t, pfx, "pkcs12", "-info", "-nokeys", "-passin", "pass:")
	assert.Assert(t, strings.Contains(info, "TenantEncryptionCert"), info)
	for block, rest := pem.Decode([]byte(out)); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" && bytes.Equal(block.Bytes, first.DER) {
			return
		}
	}
	t.Fatal("the first certificate is not in the PFX")
}

func TestOpensslReadsEveryForm(t *testing.T) {
	t.Parallel()
	first, err := Issue("TenantEncryptionCert", time.Now(), RSA, false)
	assert.NilError(t, err)
	bare, err := Issue("Bare", time.Now(), EC, true)
	assert.NilError(t, err)
	for form, more := range map[Form][]string{AESForm: nil, PlainForm: {"-nomacver"}, RC2Form: {"-legacy"}} {
		t.Run("form "+string(form), func(t *testing.T) {
			t.Parallel()
			pfx, err := EncodePFX(form, first, bare)
			assert.NilError(t, err)
			out := openssl(t, pfx, append([]string{"pkcs12", "-nodes", "-passin", "pass:"}, more...)...)
			assert.Equal(t, strings.Count(out, "BEGIN PRIVATE KEY"), 1, out)
			assert.Equal(t, strings.Count(out, "BEGIN CERTIFICATE"), 2, out)
		})
	}
}

func TestStrictParsersRefuseAnOddSerial(t *testing.T) {
	t.Parallel()
	c, err := Issue("Odd", time.Now(), EC, true)
	assert.NilError(t, err)
	odd, err := c.OddSerial()
	assert.NilError(t, err)
	_, err = x509.ParseCertificate(odd.DER)
	assert.ErrorContains(t, err, "negative serial")
	pfx, err := EncodePFX(TripleDESForm, odd)
	assert.NilError(t, err)
	out := openssl(t, pfx, "pkcs12", "-nokeys", "-passin", "pass:")
	assert.Equal(t, strings.Count(out, "BEGIN CERTIFICATE"), 1, out)
}

func TestKeysAreOptionalInAPFX(t *testing.T) {
	t.Parallel()
	bare, err := Issue("Bare", time.Now(), EC, true)
	assert.NilError(t, err)
	pfx, err := EncodePFX(TripleDESForm, bare)
	assert.NilError(t, err)
	out := openssl(t, pfx, "pkcs12", "-nodes", "-passin", "pass:")
	assert.Equal(t, strings.Count(out, "PRIVATE KEY"), 0)
	assert.Equal(t, strings.Count(out, "BEGIN CERTIFICATE"), 1)
}

// transport makes a certificate like the agent's and leaves it, and its key, in a folder.
func transport(t *testing.T) (*x509.Certificate, string) {
	t.Helper()
	c, err := Issue("LinuxTransport", time.Now(), RSA, false)
	assert.NilError(t, err)
	key, err := x509.MarshalPKCS8PrivateKey(c.Key)
	assert.NilError(t, err)
	dir := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "cert.pem"), c.PEM(), 0o600))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "key.pem"),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	parsed, err := x509.ParseCertificate(c.DER)
	assert.NilError(t, err)
	return parsed, dir
}

func decrypt(t *testing.T, dir string, message []byte) string {
	t.Helper()
	return openssl(t, message, "cms", "-decrypt", "-inform", "DER",
		"-recip", filepath.Join(dir, "cert.pem"), "-inkey", filepath.Join(dir, "key.pem"))
}

func openssl(t *testing.T, stdin []byte, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("there is no openssl program to judge us")
	}
	cmd := exec.Command("openssl", args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	assert.NilError(t, err, stderr.String())
	return string(out) + stderr.String()
}

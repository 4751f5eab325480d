package certs_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/waagent-go/waagent/agent/internal/certs"
	"github.com/waagent-go/waagent/agent/internal/host"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func transport(t testing.TB) (certs.Transport, *x509.Certificate) {
	t.Helper()
	tr, err := certs.NewTransport()
	assert.NilError(t, err)
	return load(t, tr)
}

func load(t testing.TB, tr certs.Transport) (certs.Transport, *x509.Certificate) {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(tr.Header())
	assert.NilError(t, err)
	cert, err := x509.ParseCertificate(raw)
	assert.NilError(t, err)
	return tr, cert
}

// tenant is a key and its certificate.
func tenant(t testing.TB, key crypto.Signer) (pkcs8, cert []byte) {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "tenant"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	assert.NilError(t, err)
	pkcs8, err = x509.MarshalPKCS8PrivateKey(key)
	assert.NilError(t, err)
	return pkcs8, cert
}

func rsaKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	assert.NilError(t, err)
	return key
}

func ecKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(t, err)
	return key
}

func answer(data string) []byte {
	return fmt.Appendf(nil, "<?xml version=\"1.0\"?><CertificateFile><Version>2012-11-30</Version><Format>Pkcs7BlobWithPfxContents</Format><Data>%s</Data></CertificateFile>", data)
}

func TestTransportCertificateIsWhatTheFabricExpects(t *testing.T) {
	t.Parallel()
	_, cert := transport(t)
	assert.Equal(t, cert.Subject.String(), "CN=LinuxTransport")
	assert.NilError(t, cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature))
	assert.Equal(t, cert.SignatureAlgorithm, x509.SHA256WithRSA)
	assert.Equal(t, cert.PublicKey.(*rsa.PublicKey).N.BitLen(), 2048)
	assert.Assert(t, len(cert.SubjectKeyId) == 20)
	assert.Assert(t, time.Until(cert.NotAfter) > 700*24*time.Hour)
}

func TestDecryptOpensEveryFormTheFabricMaySend(t *testing.T) {
	t.Parallel()
	tr, cert := transport(t)
	content := []byte("what the fabric says")
	for name, s := range map[string]sealing{
		"3DES by key id":         {},
		"AES-128":                {keySize: 16},
		"AES-192":                {keySize: 24},
		"AES-256":                {keySize: 32},
		"by issuer and serial":   {keySize: 16, byIssuer: true},
		"OAEP with SHA-256":      {keySize: 16, oaep: true},
		"BER in pieces":          {keySize: 16, ber: true},
		"3DES BER by the issuer": {ber: true, byIssuer: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tr.Decrypt(seal(t, cert, content, s))
			assert.NilError(t, err)
			assert.Equal(t, string(got), string(content))
		})
	}
}

func TestDecryptRefusesWhatIsNotForIt(t *testing.T) {
	t.Parallel()
	tr, _ := transport(t)
	other, cert := transport(t)
	message := seal(t, cert, []byte("x"), sealing{keySize: 16})
	_, err := tr.Decrypt(message)
	assert.ErrorContains(t, err, "not addressed")
	_, err = other.Decrypt(seal(t, cert, []byte("x"), sealing{wrongName: true}))
	assert.ErrorContains(t, err, "not addressed")
	_, err = other.Decrypt([]byte("garbage"))
	assert.ErrorContains(t, err, "ASN.1")
	message[len(message)-1] ^= 1
	_, err = other.Decrypt(message)
	assert.ErrorContains(t, err, "damaged")
}

func TestUnpackWritesTheFilesExtensionsLookFor(t *testing.T) {
	t.Parallel()
	tr, cert := transport(t)
	key1, cert1 := tenant(t, rsaKey(t))
	key2, cert2 := tenant(t, ecKey(t))
	_, bare := tenant(t, ecKey(t))
	orphan, _ := tenant(t, rsaKey(t))
	sealed := seal(t, cert, pfx([][]byte{key1, key2, orphan}, [][]byte{bare, cert2, cert1}), sealing{})

	dir := fs.NewDir(t, "lib")
	store := certs.Store{Files: host.Files{Root: dir.Path()}, Dir: "/", Log: quiet}
	// One line, which the original cannot read, and CRLF with indentation, which it can.
	for _, data := range []string{
		base64.StdEncoding.EncodeToString(sealed),
		"\r\n  " + base64.StdEncoding.EncodeToString(sealed)[:100] + "\r\n  " + base64.StdEncoding.EncodeToString(sealed)[100:],
	} {
		pairs, err := store.Unpack(tr, answer(data))
		assert.NilError(t, err)
		assert.Equal(t, len(pairs), 3)
		assert.Assert(t, pairs[0].Key == nil)
		assert.DeepEqual(t, pairs[1].Key, key2)
		assert.DeepEqual(t, pairs[2].Key, key1)
	}
	for _, name := range []string{"Certificates.xml", "Certificates.p7m", "Certificates.pem", certs.Thumbprint(cert1) + ".crt", certs.Thumbprint(cert1) + ".prv", certs.Thumbprint(cert2) + ".prv", certs.Thumbprint(bare) + ".crt"} {
		info, err := store.Files.Stat("/" + name)
		assert.NilError(t, err)
		assert.Equal(t, info.Mode().Perm().String(), "-r--------", name)
	}
	assert.Assert(t, !store.Files.Exists("/"+certs.Thumbprint(bare)+".prv"))
	assert.Assert(t, store.Has(certs.Thumbprint(bare)))
	written, err := store.Files.ReadFile("/" + certs.Thumbprint(cert1) + ".crt")
	assert.NilError(t, err)
	block, _ := pem.Decode(written)
	assert.DeepEqual(t, block.Bytes, cert1)
}

func TestACertificateThatTheLibraryRefusesIsUnpackedAndKeepsItsKey(t *testing.T) {
	t.Parallel()
	tr, cert := transport(t)
	key, good := tenant(t, rsaKey(t))
	odd := bytes.Replace(good, []byte{2, 1, 7}, []byte{2, 1, 0x87}, 1) // a negative serial number
	_, err := x509.ParseCertificate(odd)
	assert.ErrorContains(t, err, "serial")
	b, err := certs.Open(tr, answer(base64.StdEncoding.EncodeToString(seal(t, cert, pfx([][]byte{key}, [][]byte{odd}), sealing{keySize: 16}))))
	assert.NilError(t, err)
	assert.DeepEqual(t, b.Pairs, []certs.Pair{{Thumbprint: certs.Thumbprint(odd), Cert: odd, Key: key}})
}

func TestOpenTellsNoCertificatesFromBadOnes(t *testing.T) {
	t.Parallel()
	tr, _ := transport(t)
	_, err := certs.Open(tr, answer("  \n "))
	assert.ErrorIs(t, err, certs.ErrNoCertificates)
	_, err = certs.Open(tr, []byte("<CertificateFile><Format>Zip</Format><Data>AA</Data></CertificateFile>"))
	assert.ErrorContains(t, err, `"Zip"`)
	_, err = certs.Open(tr, answer("!!"))
	assert.ErrorContains(t, err, "base64")
	_, err = certs.Open(tr, []byte("<html>"))
	assert.ErrorContains(t, err, "read certificates")
}

func TestTheTransportPairIsKeptAcrossStartsAndRepairedWhenDamaged(t *testing.T) {
	t.Parallel()
	dir := fs.NewDir(t, "lib")
	store := certs.Store{Files: host.Files{Root: dir.Path()}, Dir: "/", Log: quiet}
	first, err := store.Transport()
	assert.NilError(t, err)
	again, err := store.Transport()
	assert.NilError(t, err)
	assert.Equal(t, again.Header(), first.Header())
	key, err := store.Files.ReadFile("/TransportPrivate.pem")
	assert.NilError(t, err)
	assert.Assert(t, strings.HasPrefix(string(key), "-----BEGIN PRIVATE KEY-----"))

	assert.NilError(t, store.Files.WriteAtomic("/TransportPrivate.pem", []byte("junk"), 0o600))
	fresh, err := store.Transport()
	assert.NilError(t, err)
	assert.Assert(t, fresh.Header() != first.Header())
}

func TestProtectLeavesKeysToRoot(t *testing.T) {
	t.Parallel()
	dir := fs.NewDir(t, "lib", fs.WithFile("AB.prv", "", fs.WithMode(0o644)), fs.WithFile("ovf-env.xml", "", fs.WithMode(0o600)),
		fs.WithFile("root.pem", "", fs.WithMode(0o600)), fs.WithFile("provisioned", "", fs.WithMode(0o644)))
	store := certs.Store{Files: host.Files{Root: dir.Path()}, Dir: "/", Log: quiet}
	assert.NilError(t, store.Protect("root.pem"))
	for name, want := range map[string]string{"AB.prv": "-r--------", "ovf-env.xml": "-r--------", "root.pem": "-rw-------", "provisioned": "-rw-r--r--"} {
		info, err := store.Files.Stat("/" + name)
		assert.NilError(t, err)
		assert.Equal(t, info.Mode().Perm().String(), want, name)
	}
}

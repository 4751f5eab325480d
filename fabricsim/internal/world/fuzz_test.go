package world

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// FuzzCertificate reads foreign certificates of a VM's spec. One that was taken has its bytes, and a key only if it is
// the certificate's own.
func FuzzCertificate(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	assert.NilError(f, err)
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	assert.NilError(f, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	assert.NilError(f, err)
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	private := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	for _, text := range []string{cert, private + cert, cert + private, private, "-----BEGIN PRIVATE KEY-----", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCertificate("x", text)
		if err != nil {
			assert.Assert(t, c.Key == nil)
			return
		}
		assert.Equal(t, c.FriendlyName, "x")
		if c.Key == nil {
			return
		}
		parsed, err := x509.ParseCertificate(c.DER)
		assert.NilError(t, err)
		public, ok := c.Key.Public().(interface{ Equal(x any) bool })
		assert.Assert(t, !ok || public.Equal(parsed.PublicKey))
	})
}

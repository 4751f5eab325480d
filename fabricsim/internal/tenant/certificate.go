package tenant

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// Certificate is a certificate and, unless it is a bare one, its key.
type Certificate struct {
	FriendlyName string
	DER          []byte
	Key          crypto.Signer // nil for a bare certificate
}

// KeyMaker makes the keys of certificates.
type KeyMaker func() (crypto.Signer, error)

// RSA makes 2048-bit RSA keys, the fabric's own choice.
func RSA() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) }

// EC makes P-256 keys.
func EC() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// Issue makes a self-signed certificate with a subject key id. The key of a bare certificate is thrown away.
func Issue(name string, now time.Time, newKey KeyMaker, bare bool) (Certificate, error) {
	key, err := newKey()
	if err != nil {
		return Certificate{}, fmt.Errorf("make key of %s: %w", name, err)
	}
	serial := new(big.Int).SetBytes(append([]byte{0x40}, random(15)...)) // 16 bytes, whatever they are
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return Certificate{}, err
	}
	id := sha1.Sum(public)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.AddDate(10, 0, 0),
		KeyUsage:     x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature,
		SubjectKeyId: id[:],
	}, &x509.Certificate{Subject: pkix.Name{CommonName: name}}, key.Public(), key)
	if err != nil {
		return Certificate{}, fmt.Errorf("make certificate %s: %w", name, err)
	}
	if bare {
		key = nil
	}
	return Certificate{FriendlyName: name, DER: der, Key: key}, nil
}

// OddSerial makes the certificate's serial number negative, as some issuers on Azure did: programs read such a
// certificate, strict parsers refuse it. Its signature is no longer right.
func (c Certificate) OddSerial() (Certificate, error) {
	parsed, err := x509.ParseCertificate(c.DER)
	if err != nil {
		return c, err
	}
	der := bytes.Clone(c.DER)
	at := bytes.Index(der, parsed.SerialNumber.Bytes())
	der[at] |= 0x80
	c.DER = der
	return c, nil
}

// Thumbprint is the SHA-1 of the certificate's DER in upper-case hex, the name by which documents call it.
func (c Certificate) Thumbprint() string {
	sum := sha1.Sum(c.DER)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// PEM is the certificate without its key.
func (c Certificate) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.DER})
}

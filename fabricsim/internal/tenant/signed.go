package tenant

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var (
	oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidSHA256     = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
)

// Signer is a certificate that signs, and its RSA key.
type Signer struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
}

// Sign makes a DER PKCS#7 SignedData of content, the content and the certificate in it: RSA (PKCS#1 v1.5) with SHA-256
// over the content itself, without signed attributes.
func (s *Signer) Sign(content []byte) ([]byte, error) {
	digest := sha256.Sum256(content)
	signature, err := s.Key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	var b cryptobyte.Builder
	contentInfo(&b, oidSignedData, func(b *cryptobyte.Builder) {
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(1)
			b.AddASN1(casn1.SET, func(b *cryptobyte.Builder) { addAlgorithm(b, oidSHA256) })
			contentInfo(b, oidData, func(b *cryptobyte.Builder) { b.AddASN1OctetString(content) })
			b.AddASN1(casn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(s.Certificate.Raw) })
			b.AddASN1(casn1.SET, func(b *cryptobyte.Builder) { s.addInfo(b, signature) })
		})
	})
	return b.Bytes()
}

func (s *Signer) addInfo(b *cryptobyte.Builder, signature []byte) {
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(s.Certificate.RawIssuer)
			b.AddASN1BigInt(s.Certificate.SerialNumber)
		})
		addAlgorithm(b, oidSHA256)
		addAlgorithm(b, oidRSA)
		b.AddASN1OctetString(signature)
	})
}

func addAlgorithm(b *cryptobyte.Builder, oid asn1.ObjectIdentifier) {
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oid)
		b.AddASN1NULL()
	})
}

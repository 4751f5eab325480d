package certs

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" // #nosec: thumbprints are SHA-1
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Pair is a certificate, and its private key if there is one.
type Pair struct {
	Thumbprint string // SHA-1 of Cert, upper-case hex
	Cert       []byte // DER, byte for byte as it came
	Key        []byte // PKCS#8, DER; nil: a bare certificate
}

// Thumbprint names a certificate, given in DER, as the fabric does.
func Thumbprint(der []byte) string {
	sum := sha1.Sum(der)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// CertPEM is the certificate as PEM.
func (p Pair) CertPEM() []byte { return encodePEM("CERTIFICATE", p.Cert) }

// KeyPEM is the private key as PEM, in the clear; nil when there is none.
func (p Pair) KeyPEM() []byte {
	if p.Key == nil {
		return nil
	}
	return encodePEM("PRIVATE KEY", p.Key)
}

func encodePEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// match puts keys to the certificates they belong to, by public key, and counts those that belong to none.
func match(c contents) (pairs []Pair, orphans int) {
	for _, cert := range c.certs {
		pairs = append(pairs, Pair{Thumbprint: Thumbprint(cert), Cert: cert})
	}
	for _, key := range c.keys {
		public := publicOfKey(key)
		found := false
		for i, p := range pairs {
			if public != nil && bytes.Equal(publicOfCert(p.Cert), public) {
				pairs[i].Key, found = key, true
			}
		}
		if !found {
			orphans++
		}
	}
	return pairs, orphans
}

// publicOfKey is the bits of the public key that belongs to a private one, or nil if its kind is not known.
func publicOfKey(pkcs8 []byte) []byte {
	key, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return nil
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil
	}
	spki, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		return nil
	}
	return publicBits(spki)
}

// publicOfCert cuts the public key out of a certificate, which need not be one that crypto/x509 accepts.
func publicOfCert(der []byte) []byte {
	f, ok := readCert(der)
	if !ok {
		return nil
	}
	return publicBits(f.publicKey)
}

func publicBits(spki cryptobyte.String) []byte {
	var body cryptobyte.String
	var bits asn1.BitString
	if !spki.ReadASN1(&body, casn1.SEQUENCE) || !body.SkipASN1(casn1.SEQUENCE) || !body.ReadASN1BitString(&bits) {
		return nil
	}
	return bits.Bytes
}

// certFields are the parts of a certificate that matter here, raw.
type certFields struct {
	serial    []byte // the INTEGER's content
	issuer    []byte
	publicKey []byte
}

func readCert(der []byte) (f certFields, ok bool) {
	in := cryptobyte.String(der)
	var cert, tbs, serial, issuer, public cryptobyte.String
	ok = in.ReadASN1(&cert, casn1.SEQUENCE) && cert.ReadASN1(&tbs, casn1.SEQUENCE) &&
		tbs.SkipOptionalASN1(context0.Constructed()) &&
		tbs.ReadASN1(&serial, casn1.INTEGER) &&
		tbs.SkipASN1(casn1.SEQUENCE) && // signature algorithm
		tbs.ReadASN1Element(&issuer, casn1.SEQUENCE) &&
		tbs.SkipASN1(casn1.SEQUENCE) && // validity
		tbs.SkipASN1(casn1.SEQUENCE) && // subject
		tbs.ReadASN1Element(&public, casn1.SEQUENCE)
	return certFields{serial, issuer, public}, ok
}

// identity is how a CMS message names a certificate as its recipient: by key identifier, or by issuer and serial
// number.
type identity struct {
	certFields
	keyIDs [][]byte
	any    bool // nothing but the key is known
}

func identify(cert []byte, key *rsa.PrivateKey) identity {
	f, _ := readCert(cert)
	id := identity{certFields: f}
	if parsed, err := x509.ParseCertificate(cert); err == nil && parsed.SubjectKeyId != nil {
		id.keyIDs = append(id.keyIDs, parsed.SubjectKeyId)
	}
	sum := sha1.Sum(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	id.keyIDs = append(id.keyIDs, sum[:])
	return id
}

func (id identity) is(r recipient) bool {
	if id.any {
		return true
	}
	if r.keyID == nil {
		return bytes.Equal(r.serial, id.serial) && bytes.Equal(r.issuer, id.issuer)
	}
	for _, k := range id.keyIDs {
		if bytes.Equal(k, r.keyID) {
			return true
		}
	}
	return false
}

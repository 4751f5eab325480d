// Package certs keeps the VM's transport key pair, opens what the fabric encrypts to it, and unpacks the certificates of
// a goal state into the files that extensions look for. It asks no program and fetches nothing.
package certs

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // #nosec: subject key identifiers are SHA-1
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// Transport is the key pair to which the fabric encrypts what it sends to this VM.
type Transport struct {
	cert []byte // DER
	key  *rsa.PrivateKey
}

const (
	transportName  = "LinuxTransport"
	transportYears = 2
	clockSlack     = 24 * time.Hour // a guest's clock may be behind when the pair is made
	renewBefore    = 30 * 24 * time.Hour
)

// NewTransport makes a fresh pair: RSA 2048, self-signed, valid for two years.
func NewTransport() (Transport, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return Transport{}, fmt.Errorf("make transport key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return Transport{}, err
	}
	id := sha1.Sum(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial.Add(serial, big.NewInt(1)),
		Subject:               pkix.Name{CommonName: transportName},
		NotBefore:             now.Add(-clockSlack),
		NotAfter:              now.AddDate(transportYears, 0, 0),
		SubjectKeyId:          id[:],
		AuthorityKeyId:        id[:],
		IsCA:                  true,
		BasicConstraintsValid: true,
		SignatureAlgorithm:    x509.SHA256WithRSA,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return Transport{}, fmt.Errorf("make transport certificate: %w", err)
	}
	return Transport{cert: der, key: key}, nil
}

// ParseTransport reads a pair from PEM, in the forms that the original's tools write too.
func ParseTransport(certPEM, keyPEM []byte) (Transport, error) {
	cert, _ := pem.Decode(certPEM)
	if cert == nil {
		return Transport{}, errors.New("transport certificate is no PEM")
	}
	key, err := ParseTransportKey(keyPEM)
	if err != nil {
		return Transport{}, err
	}
	return Transport{cert: cert.Bytes, key: key}, nil
}

// ParseTransportKey reads an RSA private key from PEM, PKCS#8 or PKCS#1.
func ParseTransportKey(keyPEM []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(keyPEM)
	if block == nil {
		return nil, errors.New("transport key is no PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	any8, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read transport key: %w", err)
	}
	key, ok := any8.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("transport key is not RSA")
	}
	return key, nil
}

// WithKey is a Transport for key alone, for which a message is opened whichever recipient it names.
func WithKey(key *rsa.PrivateKey) Transport { return Transport{key: key} }

// IsZero reports whether there is no pair.
func (t Transport) IsZero() bool { return t.key == nil }

// Header is the certificate as it goes into x-ms-guest-agent-public-x509-cert.
func (t Transport) Header() string { return base64.StdEncoding.EncodeToString(t.cert) }

// CertPEM is the certificate as PEM.
func (t Transport) CertPEM() []byte { return encodePEM("CERTIFICATE", t.cert) }

// keyPEM is the private key as PEM.
func (t Transport) keyPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(t.key)
	if err != nil {
		return nil, err
	}
	return encodePEM("PRIVATE KEY", der), nil
}

// Decrypt opens a CMS message, DER or BER, addressed to the pair.
func (t Transport) Decrypt(cms []byte) ([]byte, error) {
	if t.IsZero() {
		return nil, errors.New("no transport key")
	}
	e, err := parseEnveloped(cms)
	if err != nil {
		return nil, err
	}
	id := identify(t.cert, t.key)
	id.any = t.cert == nil
	return e.decrypt(t.key, id)
}

// usable reports whether t is a pair, and its certificate far from its end.
func (t Transport) usable(now time.Time) bool {
	cert, err := x509.ParseCertificate(t.cert)
	if err != nil || !t.key.PublicKey.Equal(cert.PublicKey) {
		return false
	}
	return cert.NotAfter.Sub(now) > renewBefore && cert.Subject.CommonName == transportName
}

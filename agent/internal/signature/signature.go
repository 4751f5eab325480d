// Package signature judges whether a package was signed by who may sign it. It never unpacks a package, and never
// decides what follows from a bad signature.
package signature

import (
	"bytes"
	"crypto/x509"
	_ "embed"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
)

// microsoftRoot is the certificate that package signatures lead to. It is public, and the same that the Python agent
// carries: CN=Microsoft Root Certificate Authority 2011, O=Microsoft Corporation, L=Redmond, ST=Washington, C=US;
// SHA-1 thumbprint 8F43288AD272F3103B6FB1428485EA3014C0BCFE; valid until 2036-03-22.
//
//go:embed microsoft_root_2011.pem
var microsoftRoot []byte

// MicrosoftRoot is the certificate that package signatures lead to, as PEM.
func MicrosoftRoot() []byte { return bytes.Clone(microsoftRoot) }

// Verifier judges signatures by the roots it was made with.
type Verifier struct{ roots *x509.CertPool }

// New makes a Verifier that trusts the certificates of rootPEM and no other.
func New(rootPEM []byte) (Verifier, error) {
	pool := x509.NewCertPool()
	for block, rest := pem.Decode(rootPEM); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return Verifier{}, fmt.Errorf("signing root: %w", err)
		}
		pool.AddCert(cert)
	}
	if pool.Equal(x509.NewCertPool()) {
		return Verifier{}, errors.New("signing root: no certificate")
	}
	return Verifier{pool}, nil
}

// ErrUnsigned says that there is no signature to judge.
var ErrUnsigned = errors.New("the package is not signed")

// Verify judges a package file by its signature, the base64 of a detached CMS message (RFC 5652), as the goal state
// carries it. The signer's certificate must lead to a root; its validity in time does not matter, for packages live
// longer than certificates, and neither does its purpose.
func (v Verifier) Verify(file, encodedSignature string) error {
	if strings.TrimSpace(encodedSignature) == "" {
		return ErrUnsigned
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encodedSignature), ""))
	if err != nil {
		return fmt.Errorf("decode signature: %w", err)
	}
	msg, err := parse(der)
	if err != nil {
		return fmt.Errorf("parse signature: %w", err)
	}
	for _, s := range msg.signers {
		if err := v.verifyOne(file, msg, s); err != nil {
			return err
		}
	}
	return nil
}

func (v Verifier) verifyOne(file string, msg message, s signer) error {
	cert, err := msg.certificateOf(s)
	if err != nil {
		return err
	}
	if err := v.chain(cert, msg.certificates); err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.verify(f, cert)
}

// chain checks that cert leads to a root. The moment for which it is asked is the beginning of the signer's
// certificate, when its issuers were valid, too.
func (v Verifier) chain(cert *x509.Certificate, others []*x509.Certificate) error {
	between := x509.NewCertPool()
	for _, c := range others {
		between.AddCert(c)
	}
	_, err := cert.Verify(x509.VerifyOptions{
		Roots: v.roots, Intermediates: between, CurrentTime: cert.NotBefore,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return fmt.Errorf("signer %s: %w", cert.Subject, err)
	}
	return nil
}

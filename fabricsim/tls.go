package fabricsim

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"time"

	"github.com/waagent-go/waagent/fabricsim/internal/tenant"
	"github.com/waagent-go/waagent/fabricsim/journal"
)

// authority is the CA of one fabric and the certificate of its blob storage.
type authority struct {
	now         time.Time
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	good        *tls.Certificate
}

func newAuthority(now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "fabricsim CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: now.AddDate(0, 0, -2), NotAfter: now.AddDate(10, 0, 0), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	a := &authority{now: now, key: key, certificate: certificate}
	a.good, err = a.issue(a.now.AddDate(10, 0, 0), "*."+BlobDomain, BlobDomain, "localhost")
	return a, err
}

// issue makes a server certificate for names and the addresses storage may have.
func (a *authority) issue(until time.Time, names ...string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return a.certify(key, until, names...)
}

// metadataSigner makes the certificate of instance metadata, by which attested documents are signed. As on Azure it is
// one of a server and the guest knows its authority.
func (a *authority) metadataSigner() (*tenant.Signer, error) {
	key, err := tenant.RSA()
	if err != nil {
		return nil, err
	}
	c, err := a.certify(key, a.now.AddDate(1, 0, 0), "metadata.azure.com")
	if err != nil {
		return nil, err
	}
	return &tenant.Signer{Certificate: c.Leaf, Key: key}, nil
}

// certify signs a certificate of key's.
func (a *authority) certify(key crypto.Signer, until time.Time, names ...string) (*tls.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(a.now.UnixNano() + 1), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		IPAddresses: []net.IP{net.ParseIP(BlobIP), net.IPv4(127, 0, 0, 1)},
		NotBefore:   a.now.AddDate(0, 0, -2), NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, a.certificate.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// spoilt makes the certificate a playbook asks for.
func (a *authority) spoilt(how string) (*tls.Certificate, error) {
	switch how {
	case "expired":
		return a.issue(a.now.AddDate(0, 0, -1), "*."+BlobDomain)
	case "wrong-name":
		c, err := a.issue(a.now.AddDate(1, 0, 0), "storage.example")
		return c, err
	case "unknown-ca":
		stranger, err := newAuthority(a.now)
		if err != nil {
			return nil, err
		}
		return stranger.good, nil
	}
	return a.good, nil
}

// CA is the certificate, in PEM, that a guest must trust to reach blob storage.
func (f *Fabric) CA() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.tls.certificate.Raw})
}

// TLSConfig is the TLS side of blob storage. Playbook steps for the route "tls" change the certificate of a handshake
// or refuse it; such handshakes are in the journal.
func (f *Fabric) TLSConfig() *tls.Config {
	return &tls.Config{
		NextProtos: []string{"http/1.1"}, // so that answers can be cut short
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if f.world.IsCutOff("blobs") {
				hello.Conn.Close()
				return nil, errors.New("blob storage is cut off")
			}
			id := ""
			if host, _, err := net.SplitHostPort(hello.Conn.RemoteAddr().String()); err == nil {
				id = f.world.VMOf(host)
			}
			step := f.playbook.Take("tls", id, "")
			if step == nil {
				return f.tls.good, nil
			}
			f.journal.Append(journal.Entry{
				Time: time.Now(), VM: id, Surface: "blobs", Route: "tls", Method: "TLS", URL: "https://" + hello.ServerName, Fault: step.String(),
			})
			if step.Refuse || step.Reset {
				hello.Conn.Close()
				return nil, errors.New("refused by the playbook")
			}
			return f.tls.spoilt(step.Certificate)
		},
	}
}

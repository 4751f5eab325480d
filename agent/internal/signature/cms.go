package signature

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
)

// The object identifiers of RFC 5652, section 11.
var (
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
)

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"explicit,tag:0,optional"`
}

type signedData struct {
	Version      int
	Digests      []pkix.AlgorithmIdentifier `asn1:"set"`
	Content      contentInfo
	Certificates asn1.RawValue `asn1:"optional,tag:0"`
	Revocations  asn1.RawValue `asn1:"optional,tag:1"`
	Signers      []signerInfo  `asn1:"set"`
}

type signerInfo struct {
	Version            int
	ID                 asn1.RawValue // issuer and serial number, or [0] subject key identifier
	Digest             pkix.AlgorithmIdentifier
	SignedAttributes   asn1.RawValue `asn1:"optional,tag:0"`
	Algorithm          pkix.AlgorithmIdentifier
	Signature          []byte
	UnsignedAttributes asn1.RawValue `asn1:"optional,tag:1"`
}

type issuerAndSerial struct {
	Issuer asn1.RawValue
	Serial *big.Int
}

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values asn1.RawValue `asn1:"set"`
}

// message is a signed message without its content.
type message struct {
	certificates []*x509.Certificate
	signers      []signer
}

type signer struct {
	signerInfo
	contentType asn1.ObjectIdentifier // of the message
}

// parse reads a detached CMS signed message.
func parse(der []byte) (message, error) {
	var outer contentInfo
	if rest, err := asn1.Unmarshal(der, &outer); err != nil {
		return message{}, err
	} else if len(rest) > 0 {
		return message{}, errors.New("bytes after the message")
	}
	if !outer.Type.Equal(oidSignedData) {
		return message{}, errors.New("not a signed message")
	}
	var sd signedData
	if rest, err := asn1.Unmarshal(outer.Content.Bytes, &sd); err != nil {
		return message{}, err
	} else if len(rest) > 0 {
		return message{}, errors.New("bytes after the signed data")
	}
	if len(sd.Content.Content.FullBytes) > 0 {
		return message{}, errors.New("the signature brings a content of its own")
	}
	if len(sd.Signers) == 0 {
		return message{}, errors.New("nobody signed")
	}
	msg := message{}
	for _, s := range sd.Signers {
		msg.signers = append(msg.signers, signer{s, sd.Content.Type})
	}
	return msg, msg.readCertificates(sd.Certificates.Bytes)
}

// readCertificates keeps what it can read: a certificate that the library refuses may be one that nobody needs.
func (m *message) readCertificates(der []byte) error {
	for len(der) > 0 {
		var raw asn1.RawValue
		rest, err := asn1.Unmarshal(der, &raw)
		if err != nil {
			return err
		}
		der = rest
		if cert, err := x509.ParseCertificate(raw.FullBytes); err == nil {
			m.certificates = append(m.certificates, cert)
		}
	}
	return nil
}

// certificateOf finds the certificate of a signer.
func (m message) certificateOf(s signer) (*x509.Certificate, error) {
	byKey := s.ID.Class == asn1.ClassContextSpecific && s.ID.Tag == 0
	var id issuerAndSerial
	if !byKey {
		if _, err := asn1.Unmarshal(s.ID.FullBytes, &id); err != nil {
			return nil, err
		}
	}
	for _, c := range m.certificates {
		if byKey && bytes.Equal(c.SubjectKeyId, s.ID.Bytes) {
			return c, nil
		}
		if !byKey && bytes.Equal(c.RawIssuer, id.Issuer.FullBytes) && c.SerialNumber.Cmp(id.Serial) == 0 {
			return c, nil
		}
	}
	return nil, errors.New("the signature does not bring its signer's certificate")
}

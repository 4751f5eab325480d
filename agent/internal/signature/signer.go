package signature

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	_ "crypto/sha256" // digests of signatures
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
)

// digests are the digest algorithms that are good enough.
var digests = []struct {
	oid  asn1.ObjectIdentifier
	hash crypto.Hash
}{
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, crypto.SHA256},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA384},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, crypto.SHA512},
}

func hashOf(oid asn1.ObjectIdentifier) (crypto.Hash, error) {
	for _, d := range digests {
		if d.oid.Equal(oid) {
			return d.hash, nil
		}
	}
	return 0, fmt.Errorf("digest algorithm %v is unknown or too weak", oid)
}

// verify checks that the signer signed the content with the key of cert.
func (s signer) verify(content io.Reader, cert *x509.Certificate) error {
	hash, err := hashOf(s.Digest.Algorithm)
	if err != nil {
		return err
	}
	if len(s.SignedAttributes.FullBytes) == 0 {
		data, err := io.ReadAll(content) // nobody signs packages this way, so its size does not matter
		if err != nil {
			return err
		}
		return s.check(hash, cert, data)
	}
	h := hash.New()
	if _, err := io.Copy(h, content); err != nil {
		return err
	}
	if err := s.checkAttributes(h.Sum(nil)); err != nil {
		return err
	}
	signed := bytes.Clone(s.SignedAttributes.FullBytes)
	signed[0] = asn1.TagSet | 0x20 // what is signed is the set, not its place in the message
	return s.check(hash, cert, signed)
}

// checkAttributes compares what the signed attributes say of the content with the content.
func (s signer) checkAttributes(digest []byte) error {
	var sawType, sawDigest bool
	for rest := s.SignedAttributes.Bytes; len(rest) > 0; {
		var a attribute
		var err error
		if rest, err = asn1.Unmarshal(rest, &a); err != nil {
			return err
		}
		switch {
		case a.Type.Equal(oidContentType):
			var oid asn1.ObjectIdentifier
			if err := single(a.Values.Bytes, &oid); err != nil || sawType {
				return errors.New("the attribute content type makes no sense")
			}
			if !oid.Equal(s.contentType) {
				return errors.New("the signature is about another type of content")
			}
			sawType = true
		case a.Type.Equal(oidMessageDigest):
			var d []byte
			if err := single(a.Values.Bytes, &d); err != nil || sawDigest {
				return errors.New("the attribute message digest makes no sense")
			}
			if !bytes.Equal(d, digest) {
				return errors.New("the signature is of another file")
			}
			sawDigest = true
		}
	}
	if !sawType || !sawDigest {
		return errors.New("the signature does not say what it is of")
	}
	return nil
}

// single reads the one value of an attribute.
func single(der []byte, to any) error {
	rest, err := asn1.Unmarshal(der, to)
	if err == nil && len(rest) > 0 {
		err = errors.New("several values")
	}
	return err
}

// algorithmOf is the signature algorithm as x509 names it. Signers name the key's algorithm alone or the pair.
func algorithmOf(hash crypto.Hash, cert *x509.Certificate) (x509.SignatureAlgorithm, error) {
	type key struct {
		alg  x509.PublicKeyAlgorithm
		hash crypto.Hash
	}
	known := map[key]x509.SignatureAlgorithm{
		{x509.RSA, crypto.SHA256}:   x509.SHA256WithRSA,
		{x509.RSA, crypto.SHA384}:   x509.SHA384WithRSA,
		{x509.RSA, crypto.SHA512}:   x509.SHA512WithRSA,
		{x509.ECDSA, crypto.SHA256}: x509.ECDSAWithSHA256,
		{x509.ECDSA, crypto.SHA384}: x509.ECDSAWithSHA384,
		{x509.ECDSA, crypto.SHA512}: x509.ECDSAWithSHA512,
	}
	alg, ok := known[key{cert.PublicKeyAlgorithm, hash}]
	if !ok {
		return 0, fmt.Errorf("signatures with a key of %v are unknown", cert.PublicKeyAlgorithm)
	}
	return alg, nil
}

var oidPSS = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}

// check checks one signature. The length of a PSS salt is what the signer made it, which x509 does not allow for.
func (s signer) check(hash crypto.Hash, cert *x509.Certificate, data []byte) error {
	var err error
	key, isRSA := cert.PublicKey.(*rsa.PublicKey)
	if isRSA && s.Algorithm.Algorithm.Equal(oidPSS) {
		h := hash.New()
		h.Write(data)
		err = rsa.VerifyPSS(key, hash, h.Sum(nil), s.Signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto})
	} else {
		var algorithm x509.SignatureAlgorithm
		if algorithm, err = algorithmOf(hash, cert); err == nil {
			err = cert.CheckSignature(algorithm, data, s.Signature)
		}
	}
	if err != nil {
		return fmt.Errorf("the signature is wrong: %w", err)
	}
	return nil
}

package certs

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// decrypt opens the message with key, whose certificate is known by id.
func (e enveloped) decrypt(key *rsa.PrivateKey, id identity) ([]byte, error) {
	if len(e.recipients) == 0 {
		return nil, errors.New("the message has no recipient whose key is under RSA")
	}
	err := errors.New("the message is not addressed to this certificate")
	for _, r := range e.recipients {
		if !id.is(r) {
			continue
		}
		var secret, plain []byte
		if secret, err = r.unwrap(key); err != nil {
			continue
		}
		if plain, err = e.content.decrypt(secret); err == nil {
			return plain, nil
		}
	}
	return nil, fmt.Errorf("open CMS message: %w", err)
}

func (r recipient) unwrap(key *rsa.PrivateKey) ([]byte, error) {
	switch {
	case r.alg.oid.Equal(oidRSA):
		//lint:ignore SA1019 the fabric uses no other, and who reads our answers cannot make us decrypt again and again
		return rsa.DecryptPKCS1v15(nil, key, r.key)
	case r.alg.oid.Equal(oidOAEP):
		options, err := readOAEP(r.alg.params)
		if err != nil {
			return nil, err
		}
		return key.Decrypt(nil, r.key, options)
	}
	return nil, fmt.Errorf("key transport %s is not supported", r.alg.oid)
}

var hashes = map[string]crypto.Hash{
	"1.3.14.3.2.26":          crypto.SHA1,
	"2.16.840.1.101.3.4.2.4": crypto.SHA224,
	"2.16.840.1.101.3.4.2.1": crypto.SHA256,
	"2.16.840.1.101.3.4.2.2": crypto.SHA384,
	"2.16.840.1.101.3.4.2.3": crypto.SHA512,
}

// readOAEP reads RSAES-OAEP-params; whatever is left out is SHA-1, and the label empty.
func readOAEP(params cryptobyte.String) (*rsa.OAEPOptions, error) {
	options := &rsa.OAEPOptions{Hash: crypto.SHA1, MGFHash: crypto.SHA1}
	var body cryptobyte.String
	if params.Empty() {
		return options, nil
	}
	if !params.ReadASN1(&body, casn1.SEQUENCE) {
		return nil, malformed("OAEP parameters")
	}
	for i, tag := range []casn1.Tag{context0, context1, context2} {
		var field cryptobyte.String
		var present bool
		if !body.ReadOptionalASN1(&field, &present, tag.Constructed()) {
			return nil, malformed("OAEP parameters")
		}
		if !present {
			continue
		}
		alg, ok := readAlgorithm(&field)
		if !ok {
			return nil, malformed("OAEP parameters")
		}
		switch i {
		case 0:
			options.Hash, ok = hashes[alg.oid.String()]
		case 1:
			var inner algorithm
			if inner, ok = readAlgorithm(&alg.params); ok {
				options.MGFHash, ok = hashes[inner.oid.String()]
			}
		case 2:
			var label cryptobyte.String
			ok = alg.oid.Equal(oidPSpecified) && alg.params.ReadASN1(&label, casn1.OCTET_STRING)
			options.Label = label
		}
		if !ok {
			return nil, errors.New("OAEP parameters are not supported")
		}
	}
	return options, nil
}

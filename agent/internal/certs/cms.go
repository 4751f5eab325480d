package certs

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidEnvelopedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 3}
	oidEncryptedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidRSA           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidOAEP          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 7}
	oidPSpecified    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 9}
	oid3DES          = asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 7}
	oidAES128        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 2}
	oidAES192        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 22}
	oidAES256        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
)

var (
	context0 = casn1.Tag(0).ContextSpecific()
	context1 = casn1.Tag(1).ContextSpecific()
	context2 = casn1.Tag(2).ContextSpecific()
)

// algorithm is an AlgorithmIdentifier; params is the raw element, empty when absent.
type algorithm struct {
	oid    asn1.ObjectIdentifier
	params cryptobyte.String
}

func readAlgorithm(s *cryptobyte.String) (algorithm, bool) {
	var body cryptobyte.String
	var a algorithm
	if !s.ReadASN1(&body, casn1.SEQUENCE) || !body.ReadASN1ObjectIdentifier(&a.oid) {
		return a, false
	}
	a.params = body
	return a, true
}

// recipient is a KeyTransRecipientInfo.
type recipient struct {
	keyID          []byte // SubjectKeyIdentifier, or
	issuer, serial []byte // raw name, and the INTEGER's content
	alg            algorithm
	key            []byte
}

// encrypted is an EncryptedContentInfo.
type encrypted struct {
	kind asn1.ObjectIdentifier
	alg  algorithm
	data []byte
}

// enveloped is a CMS EnvelopedData.
type enveloped struct {
	recipients []recipient // those whose key travels under RSA; others are skipped
	content    encrypted
}

func malformed(what string) error { return fmt.Errorf("read %s: %w", what, errEncoding) }

// parseEnveloped reads a ContentInfo of type EnvelopedData, in BER or DER.
func parseEnveloped(cms []byte) (enveloped, error) {
	der, err := toDER(cms)
	if err != nil {
		return enveloped{}, fmt.Errorf("read CMS message: %w", err)
	}
	in := cryptobyte.String(der)
	var info, explicit, body, set cryptobyte.String
	var kind asn1.ObjectIdentifier
	if !in.ReadASN1(&info, casn1.SEQUENCE) || !info.ReadASN1ObjectIdentifier(&kind) ||
		!info.ReadASN1(&explicit, context0.Constructed()) {
		return enveloped{}, malformed("CMS message")
	}
	if !kind.Equal(oidEnvelopedData) {
		return enveloped{}, fmt.Errorf("CMS message is of type %s, not enveloped data", kind)
	}
	if !explicit.ReadASN1(&body, casn1.SEQUENCE) || !body.SkipASN1(casn1.INTEGER) ||
		!body.SkipOptionalASN1(context0.Constructed()) || !body.ReadASN1(&set, casn1.SET) {
		return enveloped{}, malformed("enveloped data")
	}
	var e enveloped
	for !set.Empty() {
		if !set.PeekASN1Tag(casn1.SEQUENCE) {
			var other cryptobyte.String
			var tag casn1.Tag
			if !set.ReadAnyASN1(&other, &tag) {
				return enveloped{}, malformed("recipients")
			}
			continue
		}
		r, ok := readRecipient(&set)
		if !ok {
			return enveloped{}, malformed("recipient")
		}
		e.recipients = append(e.recipients, r)
	}
	e.content, err = readEncrypted(&body)
	return e, err
}

func readRecipient(s *cryptobyte.String) (r recipient, ok bool) {
	var body, key cryptobyte.String
	if !s.ReadASN1(&body, casn1.SEQUENCE) || !body.SkipASN1(casn1.INTEGER) {
		return r, false
	}
	switch {
	case body.PeekASN1Tag(context0):
		var id cryptobyte.String
		if !body.ReadASN1(&id, context0) {
			return r, false
		}
		r.keyID = id
	default:
		var id, issuer, serial cryptobyte.String
		if !body.ReadASN1(&id, casn1.SEQUENCE) || !id.ReadASN1Element(&issuer, casn1.SEQUENCE) ||
			!id.ReadASN1(&serial, casn1.INTEGER) {
			return r, false
		}
		r.issuer, r.serial = issuer, serial
	}
	if r.alg, ok = readAlgorithm(&body); !ok || !body.ReadASN1(&key, casn1.OCTET_STRING) {
		return r, false
	}
	r.key = key
	return r, true
}

func readEncrypted(s *cryptobyte.String) (e encrypted, err error) {
	var body, data cryptobyte.String
	var tag casn1.Tag
	var ok bool
	if !s.ReadASN1(&body, casn1.SEQUENCE) || !body.ReadASN1ObjectIdentifier(&e.kind) {
		return e, malformed("encrypted content")
	}
	if e.alg, ok = readAlgorithm(&body); !ok {
		return e, malformed("encrypted content")
	}
	if body.Empty() {
		return e, errors.New("the message has no content")
	}
	if !body.ReadAnyASN1(&data, &tag) {
		return e, malformed("encrypted content")
	}
	switch tag {
	case context0:
		e.data = data
	case context0.Constructed(): // an octet string in pieces, under an implicit tag
		for !data.Empty() {
			var piece cryptobyte.String
			if !data.ReadASN1(&piece, casn1.OCTET_STRING) {
				return e, malformed("encrypted content")
			}
			e.data = append(e.data, piece...)
		}
	default:
		return e, malformed("encrypted content")
	}
	return e, nil
}

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

// decrypt opens content whose algorithm is a block cipher in CBC mode.
func (e encrypted) decrypt(key []byte) ([]byte, error) {
	block, err := newCipher(e.alg.oid, key)
	if err != nil {
		return nil, err
	}
	var iv cryptobyte.String
	params := e.alg.params
	if !params.ReadASN1(&iv, casn1.OCTET_STRING) {
		return nil, malformed("initialization vector")
	}
	return openCBC(block, iv, e.data)
}

func newCipher(oid asn1.ObjectIdentifier, key []byte) (cipher.Block, error) {
	want := 0
	switch {
	case oid.Equal(oid3DES):
		return des.NewTripleDESCipher(key)
	case oid.Equal(oidAES128):
		want = 16
	case oid.Equal(oidAES192):
		want = 24
	case oid.Equal(oidAES256):
		want = 32
	default:
		return nil, fmt.Errorf("cipher %s is not supported", oid)
	}
	if len(key) != want {
		return nil, errors.New("the content key has the wrong length")
	}
	return aes.NewCipher(key)
}

// openCBC decrypts data and takes the padding off.
func openCBC(block cipher.Block, iv, data []byte) ([]byte, error) {
	size := block.BlockSize()
	if len(iv) != size || len(data) == 0 || len(data)%size != 0 {
		return nil, errors.New("the encrypted data have the wrong length")
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
	n := int(plain[len(plain)-1])
	if n == 0 || n > size || !bytes.Equal(plain[len(plain)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, errors.New("wrong key, or damaged data")
	}
	return plain[:len(plain)-n], nil
}

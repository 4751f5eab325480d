package certs

import (
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

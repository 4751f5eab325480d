package certs

import (
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var (
	oidKeyBag      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	oidShroudedBag = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	oidCertBag     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidNestedBag   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 6}
	oidX509        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidPBE3DES3    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 3}
	oidPBE3DES2    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 4}
	oidPBES2       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
)

// maxIterations bounds the work that all of a document can ask for; tools use between 1 and 600,000 for each of its
// parts.
const maxIterations = 10_000_000

// contents is what a PKCS#12 file holds, in order.
type contents struct {
	keys  [][]byte // PKCS#8 PrivateKeyInfo
	certs [][]byte // X.509, DER

	iterations int // that may still be spent on keys
}

// parsePKCS12 reads a PKCS#12 file without a password. Its checksum is not looked at, as the original first tries: the
// message around it is what protects it, and files whose checksum is over the other form of the empty password exist.
func parsePKCS12(pfx []byte) (contents, error) { return parseWithin(pfx, maxIterations) }

func parseWithin(pfx []byte, iterations int) (contents, error) {
	var first error
	// The empty password is a terminating NUL character to some writers and nothing at all to others.
	for _, password := range [][]byte{{0, 0}, nil} {
		c := contents{iterations: iterations}
		err := c.read(pfx, password)
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = err
		}
	}
	return contents{}, fmt.Errorf("read PKCS#12: %w", first)
}

func (c *contents) read(pfx, password []byte) error {
	der, err := toDER(pfx)
	if err != nil {
		return err
	}
	in := cryptobyte.String(der)
	var body, safe cryptobyte.String
	if !in.ReadASN1(&body, casn1.SEQUENCE) || !body.SkipASN1(casn1.INTEGER) {
		return errEncoding
	}
	data, err := c.content(&body, password)
	if err != nil {
		return err
	}
	inner := cryptobyte.String(data)
	if !inner.ReadASN1(&safe, casn1.SEQUENCE) {
		return errEncoding
	}
	for !safe.Empty() {
		bags, err := c.content(&safe, password)
		if err != nil {
			return err
		}
		if err := c.bags(bags, password, 0); err != nil {
			return err
		}
	}
	return nil
}

// content is the content of a ContentInfo, decrypted if need be.
func (c *contents) content(s *cryptobyte.String, password []byte) ([]byte, error) {
	var info, explicit cryptobyte.String
	var kind asn1.ObjectIdentifier
	if !s.ReadASN1(&info, casn1.SEQUENCE) || !info.ReadASN1ObjectIdentifier(&kind) ||
		!info.ReadASN1(&explicit, context0.Constructed()) {
		return nil, errEncoding
	}
	var out []byte
	switch {
	case kind.Equal(oidData):
		var data cryptobyte.String
		if !explicit.ReadASN1(&data, casn1.OCTET_STRING) {
			return nil, errEncoding
		}
		out = data
	case kind.Equal(oidEncryptedData):
		var body cryptobyte.String
		if !explicit.ReadASN1(&body, casn1.SEQUENCE) || !body.SkipASN1(casn1.INTEGER) {
			return nil, errEncoding
		}
		e, err := readEncrypted(&body)
		if err != nil {
			return nil, err
		}
		if out, err = c.open(e.alg, e.data, password); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("content of type %s is not supported", kind)
	}
	return toDER(out) // what stands in an octet string may be BER again
}

// bags reads SafeContents.
func (c *contents) bags(data, password []byte, depth int) error {
	in := cryptobyte.String(data)
	var list cryptobyte.String
	if depth > maxDepth || !in.ReadASN1(&list, casn1.SEQUENCE) {
		return errEncoding
	}
	for !list.Empty() {
		var bag, value cryptobyte.String
		var kind asn1.ObjectIdentifier
		if !list.ReadASN1(&bag, casn1.SEQUENCE) || !bag.ReadASN1ObjectIdentifier(&kind) ||
			!bag.ReadASN1(&value, context0.Constructed()) {
			return errEncoding
		}
		if err := c.bag(kind, value, password, depth); err != nil {
			return err
		}
	}
	return nil
}

func (c *contents) bag(kind asn1.ObjectIdentifier, value cryptobyte.String, password []byte, depth int) error {
	switch {
	case kind.Equal(oidKeyBag):
		c.keys = append(c.keys, value)
	case kind.Equal(oidShroudedBag):
		key, err := c.shrouded(value, password)
		if err != nil {
			return err
		}
		c.keys = append(c.keys, key)
	case kind.Equal(oidCertBag):
		var body, explicit, cert cryptobyte.String
		var id asn1.ObjectIdentifier
		if !value.ReadASN1(&body, casn1.SEQUENCE) || !body.ReadASN1ObjectIdentifier(&id) ||
			!body.ReadASN1(&explicit, context0.Constructed()) || !explicit.ReadASN1(&cert, casn1.OCTET_STRING) {
			return errEncoding
		}
		if id.Equal(oidX509) {
			c.certs = append(c.certs, cert)
		}
	case kind.Equal(oidNestedBag):
		return c.bags(value, password, depth+1)
	}
	return nil // revocation lists and secrets are of no use here
}

func (c *contents) shrouded(value cryptobyte.String, password []byte) ([]byte, error) {
	var body, data cryptobyte.String
	if !value.ReadASN1(&body, casn1.SEQUENCE) {
		return nil, errEncoding
	}
	alg, ok := readAlgorithm(&body)
	if !ok || !body.ReadASN1(&data, casn1.OCTET_STRING) {
		return nil, errEncoding
	}
	return c.open(alg, data, password)
}

package certs

import (
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1" // #nosec: PKCS#12 prescribes it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// open decrypts data under a password-based algorithm.
func (c *contents) open(a algorithm, data, password []byte) ([]byte, error) {
	switch {
	case a.oid.Equal(oidPBE3DES3):
		return c.openPBES1(a, data, password, 24)
	case a.oid.Equal(oidPBE3DES2):
		return c.openPBES1(a, data, password, 16)
	case a.oid.Equal(oidPBES2):
		return c.openPBES2(a, data)
	}
	return nil, fmt.Errorf("encryption %s is not supported", a.oid)
}

// spend takes iterations from what the document may ask for.
func (c *contents) spend(iterations int) bool {
	c.iterations -= iterations
	return iterations > 0 && iterations <= maxIterations && c.iterations >= 0
}

func (c *contents) openPBES1(a algorithm, data, password []byte, keySize int) ([]byte, error) {
	var body, salt cryptobyte.String
	var iterations int
	params := a.params
	if !params.ReadASN1(&body, casn1.SEQUENCE) || !body.ReadASN1(&salt, casn1.OCTET_STRING) ||
		!body.ReadASN1Integer(&iterations) || !c.spend(iterations) {
		return nil, malformed("encryption parameters")
	}
	key := derive(password, salt, iterations, 1, keySize)
	if keySize == 16 {
		key = append(key, key[:8]...)
	}
	block, err := des.NewTripleDESCipher(key)
	if err != nil {
		return nil, err
	}
	return openCBC(block, derive(password, salt, iterations, 2, des.BlockSize), data)
}

var prfs = map[string]func() hash.Hash{
	"1.2.840.113549.2.7":  sha1.New,
	"1.2.840.113549.2.8":  sha256.New224,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
}

// openPBES2 decrypts under the empty password, which has one form only here.
func (c *contents) openPBES2(a algorithm, data []byte) ([]byte, error) {
	var body, kdf, salt cryptobyte.String
	var iterations, keySize int
	params := a.params
	if !params.ReadASN1(&body, casn1.SEQUENCE) {
		return nil, malformed("encryption parameters")
	}
	derivation, ok1 := readAlgorithm(&body)
	scheme, ok2 := readAlgorithm(&body)
	if !ok1 || !ok2 || !derivation.oid.Equal(oidPBKDF2) {
		return nil, errors.New("key derivation is not supported")
	}
	if !derivation.params.ReadASN1(&kdf, casn1.SEQUENCE) || !kdf.ReadASN1(&salt, casn1.OCTET_STRING) ||
		!kdf.ReadASN1Integer(&iterations) || !c.spend(iterations) {
		return nil, malformed("encryption parameters")
	}
	if kdf.PeekASN1Tag(casn1.INTEGER) && !kdf.ReadASN1Integer(&keySize) {
		return nil, malformed("encryption parameters")
	}
	prf := sha1.New
	if !kdf.Empty() {
		alg, ok := readAlgorithm(&kdf)
		if prf = prfs[alg.oid.String()]; !ok || prf == nil {
			return nil, errors.New("key derivation is not supported")
		}
	}
	size, err := keyLength(scheme.oid)
	if err != nil {
		return nil, err
	}
	key, err := pbkdf2.Key(prf, "", salt, iterations, size)
	if err != nil {
		return nil, err
	}
	return encrypted{alg: scheme, data: data}.decrypt(key)
}

func keyLength(oid asn1.ObjectIdentifier) (int, error) {
	switch {
	case oid.Equal(oidAES128):
		return 16, nil
	case oid.Equal(oidAES192), oid.Equal(oid3DES):
		return 24, nil
	case oid.Equal(oidAES256):
		return 32, nil
	}
	return 0, fmt.Errorf("cipher %s is not supported", oid)
}

package certs_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"testing"

	"gotest.tools/v3/assert"
)

// The encoders here know nothing of the decoders under test: they are written with encoding/asn1, those with cryptobyte.

func der(t testing.TB, v any, params ...string) []byte {
	t.Helper()
	p := ""
	if len(params) > 0 {
		p = params[0]
	}
	out, err := asn1.MarshalWithParams(v, p)
	assert.NilError(t, err)
	return out
}

func seq(parts ...[]byte) []byte { return tlv(0x30, parts...) }

func tlv(tag byte, parts ...[]byte) []byte {
	out, err := asn1.Marshal(asn1.RawValue{Class: int(tag >> 6), IsCompound: tag&0x20 != 0, Tag: int(tag & 0x1f), Bytes: bytes.Join(parts, nil)})
	if err != nil {
		panic(err)
	}
	return out
}

// indefinite is tlv in the form whose length is known at its end only.
func indefinite(tag byte, parts ...[]byte) []byte {
	return append(append([]byte{tag, 0x80}, bytes.Join(parts, nil)...), 0, 0)
}

func oid(v ...int) []byte {
	out, err := asn1.Marshal(asn1.ObjectIdentifier(v))
	if err != nil {
		panic(err)
	}
	return out
}

type sealing struct {
	keySize   int // 16, 24, 32: AES; 0: 3DES
	oaep      bool
	byIssuer  bool
	ber       bool // in pieces and with indefinite lengths
	wrongName bool
}

var (
	oidTripleDES = []int{1, 2, 840, 113549, 3, 7}
	oidAES       = map[int][]int{16: {2, 16, 840, 1, 101, 3, 4, 1, 2}, 24: {2, 16, 840, 1, 101, 3, 4, 1, 22}, 32: {2, 16, 840, 1, 101, 3, 4, 1, 42}}
)

func pad(data []byte, size int) []byte {
	n := size - len(data)%size
	return append(bytes.Clone(data), bytes.Repeat([]byte{byte(n)}, n)...)
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func seal(t testing.TB, cert *x509.Certificate, content []byte, s sealing) []byte {
	t.Helper()
	block, key, alg := contentCipher(t, s.keySize)
	iv := random(block.BlockSize())
	plain := pad(content, block.BlockSize())
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(plain, plain)

	public := cert.PublicKey.(*rsa.PublicKey)
	//lint:ignore SA1019 as the fabric does
	wrapped, err := rsa.EncryptPKCS1v15(rand.Reader, public, key)
	keyAlg := seq(oid(1, 2, 840, 113549, 1, 1, 1), tlv(5))
	if s.oaep {
		wrapped, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, public, key, []byte("label"))
		sha := seq(oid(2, 16, 840, 1, 101, 3, 4, 2, 1))
		keyAlg = seq(oid(1, 2, 840, 113549, 1, 1, 7), seq(
			tlv(0xa0, sha),
			tlv(0xa1, seq(oid(1, 2, 840, 113549, 1, 1, 8), sha)),
			tlv(0xa2, seq(oid(1, 2, 840, 113549, 1, 1, 9), tlv(4, []byte("label"))))))
	}
	assert.NilError(t, err)
	version, id := 2, tlv(0x80, cert.SubjectKeyId)
	if s.byIssuer {
		version, id = 0, seq(cert.RawIssuer, der(t, cert.SerialNumber))
	}
	if s.wrongName {
		id = tlv(0x80, []byte("somebody else"))
	}
	recipient := seq(der(t, version), id, keyAlg, tlv(4, wrapped))
	alg = seq(alg, tlv(4, iv))
	if s.ber {
		half := len(plain) / 2
		body := indefinite(0x30, oid(1, 2, 840, 113549, 1, 7, 1), alg,
			indefinite(0xa0, tlv(4, plain[:half]), tlv(4, plain[half:])))
		return indefinite(0x30, oid(1, 2, 840, 113549, 1, 7, 3), indefinite(0xa0, indefinite(0x30, der(t, version), indefinite(0x31, recipient), body)))
	}
	body := seq(oid(1, 2, 840, 113549, 1, 7, 1), alg, tlv(0x80, plain))
	return seq(oid(1, 2, 840, 113549, 1, 7, 3), tlv(0xa0, seq(der(t, version), tlv(0x31, recipient), body)))
}

func contentCipher(t testing.TB, keySize int) (cipher.Block, []byte, []byte) {
	t.Helper()
	if keySize == 0 {
		key := random(24)
		block, err := des.NewTripleDESCipher(key)
		assert.NilError(t, err)
		return block, key, oid(oidTripleDES...)
	}
	key := random(keySize)
	block, err := aes.NewCipher(key)
	assert.NilError(t, err)
	return block, key, oid(oidAES[keySize]...)
}

// pfx is an unencrypted PKCS#12 with a damaged checksum.
func pfx(keys [][]byte, certs [][]byte) []byte {
	bag := func(kind int, value []byte) []byte {
		return seq(oid(1, 2, 840, 113549, 1, 12, 10, 1, kind), tlv(0xa0, value))
	}
	var bags [][]byte
	for _, k := range keys {
		bags = append(bags, bag(1, k))
	}
	for _, c := range certs {
		bags = append(bags, bag(3, seq(oid(1, 2, 840, 113549, 1, 9, 22, 1), tlv(0xa0, tlv(4, c)))))
	}
	data := func(in []byte) []byte { return seq(oid(1, 2, 840, 113549, 1, 7, 1), tlv(0xa0, tlv(4, in))) }
	mac := seq(seq(seq(oid(1, 3, 14, 3, 2, 26), tlv(5)), tlv(4, random(20))), tlv(4, random(8)), tlv(2, []byte{1}))
	return seq(tlv(2, []byte{3}), data(seq(data(seq(bags...)))), mac)
}

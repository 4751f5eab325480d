package certs

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"encoding/asn1"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

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

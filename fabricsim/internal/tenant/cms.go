package tenant

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Cipher encrypts the content of an envelope.
type Cipher struct {
	oid     asn1.ObjectIdentifier
	keySize int
	block   func(key []byte) (cipher.Block, error)
}

// The ciphers a request may name, and AES-256, which clients must cope with too.
func AES128() Cipher {
	return Cipher{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 2}, 16, aes.NewCipher}
}

// AES256 is no cipher a request can name.
func AES256() Cipher {
	return Cipher{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}, 32, aes.NewCipher}
}

// TripleDES is what the real fabric's samples use.
func TripleDES() Cipher {
	return Cipher{asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 7}, 24, des.NewTripleDESCipher}
}

var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidEnvelopedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 3}
	oidEncryptedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidRSA           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
)

// Envelop encrypts content to recipient as a DER CMS EnvelopedData: RSA key transport (PKCS#1 v1.5), the recipient
// named by subject key id, or by issuer and serial if the certificate has none.
func Envelop(recipient *x509.Certificate, content []byte, c Cipher) ([]byte, error) {
	public, ok := recipient.PublicKey.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("the recipient has no RSA key")
	}
	key, iv, sealed, err := seal(c, content)
	if err != nil {
		return nil, err
	}
	//lint:ignore SA1019 PKCS #1 v1.5 is what the fabric's messages are made with
	wrapped, err := rsa.EncryptPKCS1v15(rand.Reader, public, key)
	if err != nil {
		return nil, fmt.Errorf("wrap key: %w", err)
	}
	var b cryptobyte.Builder
	contentInfo(&b, oidEnvelopedData, func(b *cryptobyte.Builder) {
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			version := int64(2)
			if len(recipient.SubjectKeyId) == 0 {
				version = 0
			}
			b.AddASN1Int64(version)
			b.AddASN1(casn1.SET, func(b *cryptobyte.Builder) { recipientInfo(b, recipient, version, wrapped) })
			b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidData)
				b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(c.oid)
					b.AddASN1OctetString(iv)
				})
				b.AddASN1(casn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(sealed) })
			})
		})
	})
	return b.Bytes()
}

func recipientInfo(b *cryptobyte.Builder, to *x509.Certificate, version int64, wrapped []byte) {
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(version)
		if version == 2 {
			b.AddASN1(casn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(to.SubjectKeyId) })
		} else {
			b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddBytes(to.RawIssuer)
				b.AddASN1BigInt(to.SerialNumber)
			})
		}
		addAlgorithm(b, oidRSA)
		b.AddASN1OctetString(wrapped)
	})
}

// contentInfo adds a ContentInfo of the given type.
func contentInfo(b *cryptobyte.Builder, oid asn1.ObjectIdentifier, content cryptobyte.BuilderContinuation) {
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oid)
		b.AddASN1(casn1.Tag(0).ContextSpecific().Constructed(), content)
	})
}

func seal(c Cipher, content []byte) (key, iv, sealed []byte, err error) {
	key = random(c.keySize)
	block, err := c.block(key)
	if err != nil {
		return nil, nil, nil, err
	}
	iv = random(block.BlockSize())
	return key, iv, encryptCBC(block, iv, content), nil
}

// encryptCBC pads content as PKCS#7 says and encrypts it.
func encryptCBC(block cipher.Block, iv, content []byte) []byte {
	n := block.BlockSize() - len(content)%block.BlockSize()
	padded := append(bytes.Clone(content), bytes.Repeat([]byte{byte(n)}, n)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(padded, padded)
	return padded
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand ends the program instead
	return b
}

package tenant

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// iterations of the key derivation, as in the real fabric's samples.
const iterations = 2000

var (
	oidKey          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	oidShroudedKey  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	oidCertBag      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidX509         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidFriendlyName = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 20}
	oidLocalKeyID   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 21}
	oidSHA1         = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
)

// Form is how a PKCS#12 is encrypted.
type Form string

// The forms. The fabric's is the zero value; the others are what clients have to cope with, RC2 excepted, which
// OpenSSL 3 reads with its legacy provider only.
const (
	TripleDESForm Form = ""      // SHA1/3DES for keys and certificates, SHA-1 MAC
	AESForm       Form = "aes"   // PBES2 with AES-256, SHA-1 MAC
	PlainForm     Form = "plain" // not at all, and no MAC
	RC2Form       Form = "rc2"   // 40-bit RC2 for certificates, SHA1/3DES for keys
)

// EncodePFX packs certificates and their keys into a PKCS#12 with an empty password. Key bags come before
// certificates, and a key names its certificate by local key id.
func EncodePFX(form Form, certificates ...Certificate) ([]byte, error) {
	keys, err := keyBags(form, certificates)
	if err != nil {
		return nil, err
	}
	certs, err := certBags(certificates)
	if err != nil {
		return nil, err
	}
	var safe cryptobyte.Builder
	safe.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		if len(keys) > 0 {
			contentInfo(b, oidData, func(b *cryptobyte.Builder) { b.AddASN1OctetString(keys) })
		}
		if form == PlainForm {
			contentInfo(b, oidData, func(b *cryptobyte.Builder) { b.AddASN1OctetString(certs) })
			return
		}
		contentInfo(b, oidEncryptedData, func(b *cryptobyte.Builder) { encryptedData(b, form, certs) })
	})
	content, err := safe.Bytes()
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(3)
		contentInfo(b, oidData, func(b *cryptobyte.Builder) { b.AddASN1OctetString(content) })
		if form != PlainForm {
			addMAC(b, content)
		}
	})
	return b.Bytes()
}

func keyBags(form Form, certificates []Certificate) ([]byte, error) {
	var b cryptobyte.Builder
	any := false
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, c := range certificates {
			if c.Key == nil {
				continue
			}
			any = true
			key, err := x509.MarshalPKCS8PrivateKey(c.Key)
			if err != nil {
				b.SetError(fmt.Errorf("encode key of %s: %w", c.FriendlyName, err))
				return
			}
			if form == PlainForm {
				addBag(b, oidKey, c, func(b *cryptobyte.Builder) { b.AddBytes(key) })
				continue
			}
			addBag(b, oidShroudedKey, c, func(b *cryptobyte.Builder) {
				b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1OctetString(addPBE(b, keyScheme(form), key))
				})
			})
		}
	})
	bags, err := b.Bytes()
	if !any {
		return nil, err
	}
	return bags, err
}

func certBags(certificates []Certificate) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, c := range certificates {
			addBag(b, oidCertBag, c, func(b *cryptobyte.Builder) {
				b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oidX509)
					b.AddASN1(casn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
						b.AddASN1OctetString(c.DER)
					})
				})
			})
		}
	})
	return b.Bytes()
}

// addBag adds a SafeBag with the attributes that name it and tie a key to its certificate.
func addBag(b *cryptobyte.Builder, oid asn1.ObjectIdentifier, c Certificate, value cryptobyte.BuilderContinuation) {
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oid)
		b.AddASN1(casn1.Tag(0).ContextSpecific().Constructed(), value)
		b.AddASN1(casn1.SET, func(b *cryptobyte.Builder) {
			if c.Key != nil {
				id := sha1.Sum(c.DER)
				addAttribute(b, oidLocalKeyID, casn1.OCTET_STRING, id[:])
			}
			addAttribute(b, oidFriendlyName, casn1.Tag(30), bmp(c.FriendlyName))
		})
	})
}

func addAttribute(b *cryptobyte.Builder, oid asn1.ObjectIdentifier, tag casn1.Tag, value []byte) {
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oid)
		b.AddASN1(casn1.SET, func(b *cryptobyte.Builder) {
			b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes(value) })
		})
	})
}

func encryptedData(b *cryptobyte.Builder, form Form, content []byte) {
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidData)
			sealed := addPBE(b, form, content)
			b.AddASN1(casn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(sealed) })
		})
	})
}

func addMAC(b *cryptobyte.Builder, content []byte) {
	salt := random(8)
	mac := hmac.New(sha1.New, derive(3, 20, salt))
	mac.Write(content)
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidSHA1)
				b.AddASN1NULL()
			})
			b.AddASN1OctetString(mac.Sum(nil))
		})
		b.AddASN1OctetString(salt)
		b.AddASN1Int64(iterations)
	})
}

func bmp(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u>>8), byte(u))
	}
	return out
}

package tenant

import (
	"crypto/aes"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var (
	oidPBE3DES    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 3}
	oidPBERC2     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 6}
	oidPBES2      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidHMACSHA256 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
)

// keyScheme is the form in which keys are encrypted: even where certificates had RC2, keys had 3DES.
func keyScheme(form Form) Form {
	if form == RC2Form {
		return TripleDESForm
	}
	return form
}

// addPBE adds the algorithm identifier of a password-based encryption and returns content encrypted by it.
func addPBE(b *cryptobyte.Builder, form Form, content []byte) []byte {
	salt := random(8)
	switch form {
	case AESForm:
		return addPBES2(b, salt, content)
	case RC2Form:
		addPBE1(b, oidPBERC2, salt)
		return encryptCBC(newRC2(derive(1, 5, salt)), derive(2, 8, salt), content)
	}
	addPBE1(b, oidPBE3DES, salt)
	block, err := des.NewTripleDESCipher(derive(1, 24, salt))
	if err != nil {
		b.SetError(err)
		return nil
	}
	return encryptCBC(block, derive(2, 8, salt), content)
}

func addPBE1(b *cryptobyte.Builder, oid asn1.ObjectIdentifier, salt []byte) {
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oid)
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1OctetString(salt)
			b.AddASN1Int64(iterations)
		})
	})
}

// addPBES2 derives by PBKDF2 from the empty password, which here is no bytes at all.
func addPBES2(b *cryptobyte.Builder, salt, content []byte) []byte {
	iv := random(aes.BlockSize)
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidPBES2)
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidPBKDF2)
				b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1OctetString(salt)
					b.AddASN1Int64(iterations)
					b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1ObjectIdentifier(oidHMACSHA256)
						b.AddASN1NULL()
					})
				})
			})
			b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(AES256().oid)
				b.AddASN1OctetString(iv)
			})
		})
	})
	key, err := pbkdf2.Key(sha256.New, "", salt, iterations, 32)
	if err != nil {
		b.SetError(err)
		return nil
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		b.SetError(err)
		return nil
	}
	return encryptCBC(block, iv, content)
}

package account

import (
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/GehirnInc/crypt"
	"github.com/GehirnInc/crypt/md5_crypt"
	"github.com/GehirnInc/crypt/sha256_crypt"
	"github.com/GehirnInc/crypt/sha512_crypt"
	"golang.org/x/crypto/bcrypt"

	"github.com/waagent-go/waagent/agent/protocol/secret"
)

// Yescrypt is the scheme that is left to the system's libcrypt.
const Yescrypt = "y"

// Scheme is how a password is hashed: Provisioning.PasswordCryptId and PasswordCryptSaltLength.
type Scheme struct {
	ID         string // 1, 2a, 5, 6, y
	SaltLength int    // characters; what a scheme cannot hold is cut off
}

// Hash is the crypt(3) text of password with a fresh random salt.
func (s Scheme) Hash(password secret.Text) (secret.Text, error) {
	var hash string
	var err error
	switch s.ID {
	case "1":
		hash, err = s.salted(md5_crypt.New(), password, md5_crypt.SaltLenMax)
	case "5":
		hash, err = s.salted(sha256_crypt.New(), password, sha256_crypt.SaltLenMax)
	case "6":
		hash, err = s.salted(sha512_crypt.New(), password, sha512_crypt.SaltLenMax)
	case "2a":
		hash, err = blowfish(password)
	default:
		err = fmt.Errorf("PasswordCryptId %q is unknown", s.ID)
	}
	return secret.New(hash), err
}

func (s Scheme) salted(c crypt.Crypter, password secret.Text, longest int) (string, error) {
	salt := "$" + s.ID + "$" + randomWord(min(max(s.SaltLength, 1), longest))
	return c.Generate([]byte(password.Reveal()), []byte(salt))
}

// blowfish takes its salt of 16 bytes itself; the configured length means nothing to it.
func blowfish(password secret.Text) (string, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(password.Reveal()), bcrypt.DefaultCost)
	if errors.Is(err, bcrypt.ErrPasswordTooLong) {
		return "", errors.New("the password is longer than the 72 bytes that PasswordCryptId 2a can hold")
	}
	return string(hash), err
}

// randomWord is n random letters and digits.
func randomWord(n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	word := make([]byte, 0, n)
	for len(word) < n {
		var random [32]byte
		_, _ = rand.Read(random[:]) // never fails: it ends the program instead
		for _, b := range random {
			if b := int(b); b < 256-256%len(letters) && len(word) < n { // no letter likelier than another
				word = append(word, letters[b%len(letters)])
			}
		}
	}
	return string(word)
}

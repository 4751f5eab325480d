package certs_test

import (
	"bytes"
	"crypto/cipher"
	"crypto/des"
	"crypto/sha1"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/certs"
)

// shrouded is a PKCS#12 whose bags are encrypted under SHA-1 and 3DES with a password given as it goes into the
// derivation: some writers take the empty one for a NUL character, others for nothing.
func shrouded(t testing.TB, password []byte, key, cert []byte) []byte {
	t.Helper()
	salt := random(8)
	const rounds = 3
	seal := func(plain []byte) []byte {
		block, err := des.NewTripleDESCipher(kdf(password, salt, rounds, 1, 24))
		assert.NilError(t, err)
		out := pad(plain, 8)
		cipher.NewCBCEncrypter(block, kdf(password, salt, rounds, 2, 8)).CryptBlocks(out, out)
		return out
	}
	alg := seq(oid(1, 2, 840, 113549, 1, 12, 1, 3), seq(tlv(4, salt), tlv(2, []byte{rounds})))
	bag := func(kind int, value []byte) []byte {
		return seq(oid(1, 2, 840, 113549, 1, 12, 10, 1, kind), tlv(0xa0, value))
	}
	data := func(in []byte) []byte { return seq(oid(1, 2, 840, 113549, 1, 7, 1), tlv(0xa0, tlv(4, in))) }
	certs := seq(bag(3, seq(oid(1, 2, 840, 113549, 1, 9, 22, 1), tlv(0xa0, tlv(4, cert)))))
	hidden := seq(oid(1, 2, 840, 113549, 1, 7, 6), tlv(0xa0, seq(tlv(2, []byte{0}), seq(oid(1, 2, 840, 113549, 1, 7, 1), alg, tlv(0x80, seal(certs))))))
	keys := data(seq(bag(2, seq(alg, tlv(4, seal(key))))))
	return seq(tlv(2, []byte{3}), data(seq(hidden, keys)))
}

// kdf follows RFC 7292, appendix B.2, step by step, with numbers for the blocks.
func kdf(password, salt []byte, rounds int, id byte, n int) []byte {
	stretch := func(b []byte) []byte {
		var out []byte
		for len(b) > 0 && len(out)%64 != 0 || len(out) == 0 && len(b) > 0 {
			out = append(out, b...)
			if len(out) > 64 {
				out = out[:64]
			}
		}
		return out
	}
	var key []byte
	i := append(stretch(salt), stretch(password)...)
	for len(key) < n {
		a := append(bytes.Repeat([]byte{id}, 64), i...)
		for range rounds {
			h := sha1.Sum(a)
			a = h[:]
		}
		key = append(key, a...)
		b := new(big.Int).SetBytes(bytes.Repeat(a, 4)[:64])
		for j := 0; j < len(i); j += 64 {
			x := new(big.Int).SetBytes(i[j : j+64])
			x.Add(x, b).Add(x, big.NewInt(1)).Mod(x, new(big.Int).Lsh(big.NewInt(1), 512))
			x.FillBytes(i[j : j+64])
		}
	}
	return key[:n]
}

func TestBothFormsOfTheEmptyPasswordOpenAPFX(t *testing.T) {
	t.Parallel()
	tr, cert := transport(t)
	key, tenantCert := tenant(t, ecKey(t))
	for name, password := range map[string][]byte{"a NUL character": {0, 0}, "nothing": nil} {
		message := seal(t, cert, shrouded(t, password, key, tenantCert), sealing{keySize: 16})
		b, err := certs.Open(tr, answer(base64.StdEncoding.EncodeToString(message)))
		assert.NilError(t, err, name)
		assert.DeepEqual(t, b.Pairs, []certs.Pair{{Thumbprint: certs.Thumbprint(tenantCert), Cert: tenantCert, Key: key}})
	}
	message := seal(t, cert, shrouded(t, []byte{0, 'x', 0, 0}, key, tenantCert), sealing{keySize: 16})
	_, err := certs.Open(tr, answer(base64.StdEncoding.EncodeToString(message)))
	assert.ErrorContains(t, err, "read PKCS#12")
}

func FuzzPKCS12(f *testing.F) {
	key, cert := tenant(f, ecKey(f))
	f.Add(pfx([][]byte{key}, [][]byte{cert}))
	f.Add(shrouded(f, nil, key, cert))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, list, err := certs.ParsePKCS12(data)
		if err != nil {
			return
		}
		// What was understood, written again, is understood the same.
		keys2, list2, err := certs.ParsePKCS12(pfx(keys, list))
		if err != nil {
			return // an element that was not one: written as a bag it has no place
		}
		assert.Equal(t, len(list2), len(list))
		assert.Assert(t, len(keys2) <= len(keys))
	})
}

func FuzzDecrypt(f *testing.F) {
	tr, cert := transport(f)
	f.Add(seal(f, cert, []byte("content"), sealing{}))
	f.Add(seal(f, cert, []byte("content"), sealing{keySize: 32, ber: true, byIssuer: true}))
	f.Fuzz(func(t *testing.T, data []byte) {
		plain, err := tr.Decrypt(data)
		again, err2 := tr.Decrypt(data)
		assert.Equal(t, err == nil, err2 == nil)
		assert.Assert(t, bytes.Equal(plain, again))
	})
}

func FuzzDER(f *testing.F) {
	f.Add(indefinite(0x30, tlv(4, []byte("a")), indefinite(0x24, tlv(4, []byte("b")), tlv(4, []byte("c")))))
	f.Fuzz(func(t *testing.T, data []byte) {
		once, err := certs.ToDER(data)
		if err != nil {
			return
		}
		twice, err := certs.ToDER(once)
		assert.NilError(t, err)
		assert.Assert(t, bytes.Equal(once, twice), "%x became %x became %x", data, once, twice)
	})
}

// FuzzOpen reads foreign certificates answers. What opens opens the same again.
func FuzzOpen(f *testing.F) {
	tr, cert := transport(f)
	key, tenantCert := tenant(f, ecKey(f))
	message := seal(f, cert, pfx([][]byte{key}, [][]byte{tenantCert}), sealing{})
	f.Add(answer(base64.StdEncoding.EncodeToString(message)))
	f.Add([]byte(`<CertificateFile><Format>Other</Format><Data>AAAA</Data></CertificateFile>`))
	f.Add([]byte(`<CertificateFile><Data/></CertificateFile>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := certs.Open(tr, data)
		again, err2 := certs.Open(tr, data)
		assert.Equal(t, err == nil, err2 == nil)
		assert.DeepEqual(t, b.Pairs, again.Pairs)
		for _, p := range b.Pairs {
			assert.Equal(t, p.Thumbprint, certs.Thumbprint(p.Cert))
		}
	})
}

// FuzzTransport reads a foreign transport pair. One that was understood can open what is sealed to it, or fail.
func FuzzTransport(f *testing.F) {
	key, cert := tenant(f, ecKey(f))
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	f.Add(block("CERTIFICATE", cert), block("PRIVATE KEY", key))
	whole, err := certs.NewTransport()
	assert.NilError(f, err)
	wholeKey, err := certs.KeyPEM(whole)
	assert.NilError(f, err)
	f.Add(whole.CertPEM(), wholeKey)
	f.Add([]byte("x"), []byte("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, certPEM, keyPEM []byte) {
		tr, err := certs.ParseTransport(certPEM, keyPEM)
		if err != nil {
			assert.Assert(t, tr.IsZero())
			return
		}
		assert.Assert(t, !tr.IsZero())
		tidy, err := certs.KeyPEM(tr)
		assert.NilError(t, err)
		again, err := certs.ParseTransport(tr.CertPEM(), tidy)
		assert.NilError(t, err)
		assert.Equal(t, again.Header(), tr.Header())
	})
}

package certs

import (
	"bytes"
	"crypto/sha1" // #nosec: PKCS#12 prescribes it
	"math/big"
)

// derive is the key derivation of PKCS#12 with SHA-1 (RFC 7292, appendix B.2). purpose is 1 for a key and 2 for an
// initialization vector.
func derive(password, salt []byte, iterations int, purpose byte, size int) []byte {
	const blockSize, digestSize = sha1.BlockSize, sha1.Size
	input := append(fill(salt, blockSize), fill(password, blockSize)...)
	diversifier := bytes.Repeat([]byte{purpose}, blockSize)
	var out []byte
	for len(out) < size {
		digest := sha1.Sum(append(bytes.Clone(diversifier), input...))
		for range iterations - 1 {
			digest = sha1.Sum(digest[:])
		}
		out = append(out, digest[:]...)
		step(input, fill(digest[:], blockSize), blockSize)
	}
	return out[:size]
}

// fill repeats data up to the next multiple of size.
func fill(data []byte, size int) []byte {
	if len(data) == 0 {
		return nil
	}
	length := (len(data) + size - 1) / size * size
	return bytes.Repeat(data, (length+len(data)-1)/len(data))[:length]
}

// step adds block + 1 to every block of input, in place.
func step(input, block []byte, size int) {
	add := new(big.Int).Add(new(big.Int).SetBytes(block), big.NewInt(1))
	modulus := new(big.Int).Lsh(big.NewInt(1), uint(size)*8)
	for i := 0; i < len(input); i += size {
		sum := new(big.Int).SetBytes(input[i : i+size])
		sum.Mod(sum.Add(sum, add), modulus)
		sum.FillBytes(input[i : i+size])
	}
}

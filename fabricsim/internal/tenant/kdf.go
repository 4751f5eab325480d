package tenant

import (
	"bytes"
	"crypto/sha1"
	"math/big"
)

// derive is the PKCS#12 key derivation (RFC 7292, appendix B.2) with SHA-1 and the empty password, which is the two
// NUL bytes that end an empty BMP string. Purpose 1 makes keys, 2 initialisation vectors, 3 MAC keys.
func derive(purpose byte, size int, salt []byte) []byte {
	const u, v = sha1.Size, sha1.BlockSize
	diversifier := bytes.Repeat([]byte{purpose}, v)
	input := append(fill(salt, v), fill([]byte{0, 0}, v)...)
	var out []byte
	for {
		sum := sha1.Sum(append(bytes.Clone(diversifier), input...))
		for range iterations - 1 {
			sum = sha1.Sum(sum[:])
		}
		out = append(out, sum[:]...)
		if len(out) >= size {
			return out[:size]
		}
		addToBlocks(input, fill(sum[:u], v), v)
	}
}

// addToBlocks replaces each block of input by (block + b + 1) mod 2^(8v).
func addToBlocks(input, b []byte, v int) {
	add := new(big.Int).Add(new(big.Int).SetBytes(b), big.NewInt(1))
	mod := new(big.Int).Lsh(big.NewInt(1), uint(8*v))
	for i := 0; i < len(input); i += v {
		n := new(big.Int).SetBytes(input[i : i+v])
		n.Mod(n.Add(n, add), mod).FillBytes(input[i : i+v])
	}
}

// fill repeats pattern up to the next multiple of v bytes.
func fill(pattern []byte, v int) []byte {
	n := (len(pattern) + v - 1) / v * v
	return bytes.Repeat(pattern, n/len(pattern)+1)[:n]
}

package certs

// ToDER and ParsePKCS12 are fuzzed by themselves: through Open little would reach them.
var ToDER = toDER

// KeyPEM is a pair's key as the agent writes it.
var KeyPEM = Transport.keyPEM

func ParsePKCS12(pfx []byte) (keys, certs [][]byte, err error) {
	c, err := parseWithin(pfx, 5000)
	return c.keys, c.certs, err
}

package provision

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// sshKey is one line of an authorized_keys file that holds a key.
type sshKey struct {
	kind string // "ssh-ed25519", "ecdsa-sha2-nistp256-cert-v01@openssh.com", ...
	blob string // base64
}

// parseSSHKey finds the key in a line: the first word that names a kind of key, followed by base64 that begins with the
// same name. Options before it and a comment behind it are what they are.
func parseSSHKey(line string) (sshKey, error) {
	words := strings.Fields(line)
	for i := range len(words) - 1 {
		kind := words[i]
		if !isKeyKind(kind) {
			continue
		}
		blob, err := base64.StdEncoding.DecodeString(words[i+1])
		if err != nil {
			return sshKey{}, fmt.Errorf("the %s key is damaged: %w", kind, err)
		}
		if name, ok := firstString(blob); !ok || name != kind {
			return sshKey{}, fmt.Errorf("the %s key is damaged: it does not say what it is", kind)
		}
		return sshKey{kind, words[i+1]}, nil
	}
	return sshKey{}, errors.New("not an SSH public key in OpenSSH's format")
}

func isKeyKind(word string) bool {
	for _, prefix := range []string{"ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"} {
		if strings.HasPrefix(word, prefix) {
			return true
		}
	}
	return false
}

func firstString(blob []byte) (string, bool) {
	if len(blob) < 4 {
		return "", false
	}
	n := binary.BigEndian.Uint32(blob)
	if uint64(n)+4 > uint64(len(blob)) {
		return "", false
	}
	return string(blob[4 : 4+n]), true
}

// certificateKey is the public key of a PEM certificate, as PEM and as a line for authorized_keys. The certificate itself
// is not judged: the fabric's have serial numbers that crypto/x509 refuses.
func certificateKey(certPEM []byte) (publicPEM []byte, line string, err error) {
	block, _ := pem.Decode(certPEM)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, "", errors.New("not a certificate in PEM")
	}
	spki, err := publicKeyInfo(block.Bytes)
	if err != nil {
		return nil, "", fmt.Errorf("read the certificate: %w", err)
	}
	key, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, "", fmt.Errorf("read the certificate's key: %w", err)
	}
	line, err = sshLine(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}), line, err
}

// publicKeyInfo cuts the SubjectPublicKeyInfo out of a certificate.
func publicKeyInfo(der []byte) ([]byte, error) {
	var cert struct {
		TBS struct {
			Version    asn1.RawValue `asn1:"optional,explicit,tag:0"`
			Serial     asn1.RawValue
			Algorithm  asn1.RawValue
			Issuer     asn1.RawValue
			Validity   asn1.RawValue
			Subject    asn1.RawValue
			PublicKey  asn1.RawValue
			Extensions []asn1.RawValue `asn1:"optional,omitempty,explicit,tag:3"`
		}
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &cert); err != nil {
		return nil, err
	}
	return cert.TBS.PublicKey.FullBytes, nil
}

// sshLine is a key as OpenSSH writes it, without a comment.
func sshLine(key any) (string, error) {
	var b bytes.Buffer
	var kind string
	switch k := key.(type) {
	case *rsa.PublicKey:
		kind = "ssh-rsa"
		writeStrings(&b, []byte(kind), mpint(big.NewInt(int64(k.E))), mpint(k.N))
	case ed25519.PublicKey:
		kind = "ssh-ed25519"
		writeStrings(&b, []byte(kind), k)
	case *ecdsa.PublicKey:
		curve := strings.ToLower(strings.ReplaceAll(k.Curve.Params().Name, "P-", "nistp"))
		kind = "ecdsa-sha2-" + curve
		point, err := k.ECDH() // refuses a point that is not on the curve
		if err != nil {
			return "", err
		}
		writeStrings(&b, []byte(kind), []byte(curve), point.Bytes())
	default:
		return "", fmt.Errorf("SSH has no keys of type %T", key)
	}
	return kind + " " + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

func writeStrings(b *bytes.Buffer, parts ...[]byte) {
	for _, part := range parts {
		_ = binary.Write(b, binary.BigEndian, uint32(len(part))) // a bytes.Buffer takes everything
		b.Write(part)
	}
}

// mpint is a positive number with room for the sign.
func mpint(n *big.Int) []byte {
	data := n.Bytes()
	if len(data) > 0 && data[0]&0x80 != 0 {
		data = append([]byte{0}, data...)
	}
	return data
}

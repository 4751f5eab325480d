package certs

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"

	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// ErrNoCertificates is an answer without certificates, which is nothing unusual.
var ErrNoCertificates = errors.New("the goal state has no certificates")

// Bundle is an opened certificates answer.
type Bundle struct {
	Pairs   []Pair
	Orphans int // private keys without a certificate
	data    string
}

// Open reads a CertificateFile, decrypts it with t and puts keys to certificates.
func Open(t Transport, answer []byte) (Bundle, error) {
	var file wireserver.CertificateFile
	if err := xml.Unmarshal(answer, &file); err != nil {
		return Bundle{}, fmt.Errorf("read certificates: %w", err)
	}
	if f := strings.TrimSpace(file.Format); f != "" && f != wireserver.FormatPFX {
		return Bundle{}, fmt.Errorf("certificates have the format %q, which is not known", f)
	}
	data := strings.Join(strings.Fields(file.Data), "")
	if data == "" {
		return Bundle{}, ErrNoCertificates
	}
	cms, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return Bundle{}, fmt.Errorf("read certificates: %w", err)
	}
	pfx, err := t.Decrypt(cms)
	if err != nil {
		return Bundle{}, err
	}
	c, err := parsePKCS12(pfx)
	if err != nil {
		return Bundle{}, err
	}
	b := Bundle{data: file.Data}
	b.Pairs, b.Orphans = match(c)
	return b, nil
}

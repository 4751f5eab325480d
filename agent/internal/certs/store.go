package certs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/host"
)

// File names in the agent's state folder.
const (
	transportKeyFile  = "TransportPrivate.pem"
	transportCertFile = "TransportCert.pem"
	answerFile        = "Certificates.xml"
	messageFile       = "Certificates.p7m"
	allFile           = "Certificates.pem"
)

// secretMode is that of everything here: root reads, nobody writes.
const secretMode fs.FileMode = 0o400

// Store is the agent's state folder as far as keys and certificates go.
type Store struct {
	Files host.Files
	Dir   string // Lib.Dir
	Log   *slog.Logger
}

// Transport is the pair on disk, made anew when there is none, when it is damaged, or near its end.
func (s Store) Transport() (Transport, error) {
	if t, err := s.load(); err == nil && t.usable(time.Now()) {
		return t, nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.Log.Warn("The transport key pair cannot be used, making a new one", "error", err)
	}
	t, err := NewTransport()
	if err != nil {
		return Transport{}, err
	}
	key, err := t.keyPEM()
	if err != nil {
		return Transport{}, err
	}
	if err := s.write(transportKeyFile, key); err != nil {
		return Transport{}, err
	}
	return t, s.write(transportCertFile, t.CertPEM())
}

func (s Store) load() (Transport, error) {
	cert, err := s.Files.ReadFile(s.path(transportCertFile))
	if err != nil {
		return Transport{}, err
	}
	key, err := s.Files.ReadFile(s.path(transportKeyFile))
	if err != nil {
		return Transport{}, err
	}
	return ParseTransport(cert, key)
}

// Unpack opens a certificates answer and writes what it holds: <thumbprint>.crt and .prv for extensions, and the
// answer itself in the original's forms. Files of certificates no longer there stay.
func (s Store) Unpack(t Transport, answer []byte) ([]Pair, error) {
	if err := s.write(answerFile, answer); err != nil {
		return nil, err
	}
	b, err := Open(t, answer)
	if err != nil {
		return nil, err
	}
	if b.Orphans > 0 {
		s.Log.Warn("Private keys without a certificate are left out", "keys", b.Orphans)
	}
	if err := s.write(messageFile, s.smime(b.data)); err != nil {
		return nil, err
	}
	var all bytes.Buffer
	for _, p := range b.Pairs {
		if key := p.KeyPEM(); key != nil { // the key first: a .crt alone says that there is none
			all.Write(key)
			if err := s.write(p.Thumbprint+".prv", key); err != nil {
				return nil, err
			}
		}
		all.Write(p.CertPEM())
		if err := s.write(p.Thumbprint+".crt", p.CertPEM()); err != nil {
			return nil, err
		}
	}
	return b.Pairs, s.write(allFile, all.Bytes())
}

// Has reports whether the certificate is unpacked.
func (s Store) Has(thumbprint string) bool { return s.Files.Exists(s.path(thumbprint + ".crt")) }

// Protect takes write and foreign read permission from every key, certificate and message in the folder, those of an
// earlier agent too. keep are file names left alone.
func (s Store) Protect(keep ...string) error {
	var failures []error
	for _, pattern := range []string{"*.crt", "*.p7m", "*.pem", "*.prv", answerFile, "ovf-env.xml"} {
		for _, file := range s.Files.Glob(s.path(pattern)) {
			if !slices.Contains(keep, path.Base(file)) {
				failures = append(failures, s.Files.Chmod(file, secretMode))
			}
		}
	}
	return errors.Join(failures...)
}

// smime is the message as mail programs, and `openssl cms`, take it.
func (s Store) smime(data string) []byte {
	name := s.path(messageFile)
	return fmt.Appendf(nil, "MIME-Version:1.0\nContent-Disposition: attachment; filename=%q\n"+
		"Content-Type: application/x-pkcs7-mime; name=%q\nContent-Transfer-Encoding: base64\n\n%s\n",
		name, name, wrap(strings.Join(strings.Fields(data), "")))
}

// wrap breaks base64 into lines that every reader takes.
func wrap(s string) string {
	const width = 64
	var lines []string
	for len(s) > width {
		lines = append(lines, s[:width])
		s = s[width:]
	}
	return strings.Join(append(lines, s), "\n")
}

func (s Store) path(name string) string { return path.Join(s.Dir, name) }

// write leaves a file alone that already says the same: most goal states bring nothing new.
func (s Store) write(name string, data []byte) error {
	file := s.path(name)
	if old, err := s.Files.ReadFile(file); err == nil && bytes.Equal(old, data) {
		if info, err := s.Files.Stat(file); err == nil && info.Mode().Perm() == secretMode {
			return nil
		}
	}
	if err := s.Files.WriteAtomic(file, data, secretMode); err != nil {
		return fmt.Errorf("keep certificates: %w", err)
	}
	return nil
}

package inspect

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/certs"
	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

type certificatesView struct {
	Incarnation  string            `json:"incarnation"`
	Format       string            `json:"format"`
	Opened       bool              `json:"opened"`
	Certificates []certificateView `json:"certificates,omitempty"`
	Orphans      int               `json:"keysWithoutCertificate,omitempty"`
}

type certificateView struct {
	Thumbprint    string `json:"thumbprint"`
	HasPrivateKey bool   `json:"hasPrivateKey"`
	Subject       string `json:"subject,omitempty"`
	NotAfter      string `json:"notAfter,omitempty"`
	Problem       string `json:"problem,omitempty"` // of a certificate that the library refuses; its files are written anyway
}

func certificates(data []byte, transport certs.Transport) (any, error) {
	var d wireserver.CertificateFile
	if err := fabric.DecodeXML(data, &d); err != nil {
		return nil, err
	}
	v := certificatesView{Incarnation: d.Incarnation, Format: strings.TrimSpace(d.Format)}
	if transport.IsZero() {
		return v, nil
	}
	b, err := certs.Open(transport, fabric.TrimBOM(data))
	if errors.Is(err, certs.ErrNoCertificates) {
		v.Opened = true
		return v, nil
	}
	if err != nil {
		return nil, err
	}
	v.Opened, v.Orphans = true, b.Orphans
	for _, p := range b.Pairs {
		c := certificateView{Thumbprint: p.Thumbprint, HasPrivateKey: p.Key != nil}
		if parsed, err := x509.ParseCertificate(p.Cert); err != nil {
			c.Problem = err.Error()
		} else {
			c.Subject, c.NotAfter = parsed.Subject.String(), parsed.NotAfter.UTC().Format(time.RFC3339)
		}
		v.Certificates = append(v.Certificates, c)
	}
	return v, nil
}

type remoteAccessView struct {
	Users []userView `json:"users"`
}

type userView struct {
	Name             string `json:"name"`
	Expiration       string `json:"expiration"`
	HasPassword      bool   `json:"hasPassword"`
	PasswordReadable *bool  `json:"passwordReadable,omitempty"` // with -transport-key
}

func remoteAccess(data []byte, transport certs.Transport) (any, error) {
	users, err := goalstate.ParseRemoteAccess(data)
	v := remoteAccessView{[]userView{}}
	for _, u := range users {
		one := userView{Name: u.Name, Expiration: u.Expiration, HasPassword: !u.Password.IsZero()}
		if !transport.IsZero() {
			readable := opens(transport, u.Password.Reveal())
			one.PasswordReadable = &readable
		}
		v.Users = append(v.Users, one)
	}
	return v, err
}

func opens(transport certs.Transport, text string) bool {
	cms, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return false
	}
	_, err = transport.Decrypt(cms)
	return err == nil
}

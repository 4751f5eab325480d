package world

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"crypto"

	"github.com/waagent-go/waagent/fabricsim/control"
	"github.com/waagent-go/waagent/fabricsim/goal"
	"github.com/waagent-go/waagent/fabricsim/internal/tenant"
)

// tenancy is a VM's certificates, made when they are first asked for: keys take long to make.
type tenancy struct {
	mu   sync.Mutex
	made []tenant.Certificate
}

// Certificates are those of a VM: the tenant's, one more with a key, a bare one, and those its spec brings.
func (w *World) Certificates(id string) ([]tenant.Certificate, error) {
	w.mu.Lock()
	v := w.vms[id]
	if v == nil {
		w.mu.Unlock()
		return nil, ErrNoVM
	}
	t, spec := v.tenancy, v.spec
	w.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.made != nil {
		return t.made, nil
	}
	made, err := w.issue(spec)
	if err != nil {
		return nil, err
	}
	t.made = made
	return made, nil
}

func (w *World) issue(spec goal.VM) ([]tenant.Certificate, error) {
	second := w.NewKey
	if spec.KeyType == "ec" {
		second = tenant.EC
	}
	var out []tenant.Certificate
	for _, c := range []struct {
		name string
		key  tenant.KeyMaker
		bare bool
	}{{"TenantEncryptionCert", w.NewKey, false}, {"UserCert", second, false}, {"IntermediateCert", tenant.EC, true}} {
		issued, err := tenant.Issue(c.name, time.Now(), c.key, c.bare)
		if err != nil {
			return nil, err
		}
		if c.bare && spec.OddSerial {
			if issued, err = issued.OddSerial(); err != nil {
				return nil, err
			}
		}
		out = append(out, issued)
	}
	for i, text := range spec.Certificates {
		c, err := parseCertificate(fmt.Sprintf("Extra%d", i+1), text)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// RotateCertificates gives a VM a new tenant certificate. Goal states encrypted to the old one stay as they are.
func (w *World) RotateCertificates(id string) error {
	w.mu.Lock()
	v := w.vms[id]
	w.mu.Unlock()
	if v == nil {
		return ErrNoVM
	}
	fresh, err := tenant.Issue("TenantEncryptionCert", time.Now(), w.NewKey, false)
	if err != nil {
		return err
	}
	if _, err := w.Certificates(id); err != nil {
		return err
	}
	v.tenancy.mu.Lock()
	defer v.tenancy.mu.Unlock()
	v.tenancy.made = append([]tenant.Certificate{fresh}, v.tenancy.made[1:]...)
	return nil
}

func parseCertificate(name, text string) (tenant.Certificate, error) {
	block, _ := pem.Decode([]byte(text))
	for rest := []byte(text); block != nil && block.Type != "CERTIFICATE"; {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return tenant.Certificate{}, fmt.Errorf("certificate %s: no CERTIFICATE block", name)
	}
	c := tenant.Certificate{FriendlyName: name, DER: block.Bytes}
	if !strings.Contains(text, "PRIVATE KEY") {
		return c, nil
	}
	pair, err := tls.X509KeyPair([]byte(text), []byte(text))
	if err != nil {
		return c, fmt.Errorf("certificate %s: %w", name, err)
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return c, errors.New("certificate " + name + ": a key of an unknown kind")
	}
	c.Key = signer
	return c, nil
}

// describe lists what was made so far.
func (t *tenancy) describe() []control.Certificate {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []control.Certificate
	for _, c := range t.made {
		d := control.Certificate{Name: c.FriendlyName, Thumbprint: c.Thumbprint(), HasKey: c.Key != nil, PEM: string(c.PEM())}
		if key, err := x509.MarshalPKCS8PrivateKey(c.Key); c.Key != nil && err == nil {
			d.KeyPEM = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
		}
		out = append(out, d)
	}
	return out
}

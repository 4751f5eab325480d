package scenarios

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/waagent-go/waagent/ovfgen"
)

// identity is a key of the runner's own, of a given kind, and its certificate: a spec asks for it by the value or the
// fingerprint generated-KIND, and `ssh -key KIND` logs in with it.
type identity struct {
	signer      ssh.Signer
	line        string // of authorized_keys
	thumbprint  string // of the certificate
	certificate string // with its key, PEM, as the fabric takes it
}

const generatedKind = ovfgen.Generated + "-"

// identityKinds are the keys that can be asked for.
var identityKinds = map[string]func() (crypto.Signer, error){
	"rsa":   func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) },
	"ecdsa": func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
	"ed25519": func() (crypto.Signer, error) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	},
}

func newIdentity(kind string) (*identity, error) {
	generate, ok := identityKinds[kind]
	if !ok {
		return nil, fmt.Errorf("a generated key is rsa, ecdsa or ed25519, not %q", kind)
	}
	key, err := generate()
	if err != nil {
		return nil, err
	}
	signer, err := ssh.NewSignerFromSigner(key)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: kind + " key of a scenario"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	return &identity{
		signer: signer, line: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))) + " " + kind + "@waagent",
		thumbprint: fmt.Sprintf("%X", sha1.Sum(der)), certificate: string(text),
	}, nil
}

// identity is the runner's key of a kind, made when it is first asked for.
func (w *world) identity(kind string) (*identity, error) {
	if id := w.identities[kind]; id != nil {
		return id, nil
	}
	id, err := newIdentity(kind)
	if err != nil {
		return nil, err
	}
	if w.identities == nil {
		w.identities = map[string]*identity{}
	}
	w.identities[kind] = id
	return id, nil
}

// certificates are those of the identities that were made, for the fabric to hand out.
func (w *world) certificates() []string {
	var all []string
	for _, id := range w.identities {
		all = append(all, id.certificate)
	}
	return all
}

// identify puts the runner's keys and thumbprints where the spec asks for them.
func (w *world) identify() error {
	keys := []*ovfgen.Key{&w.spec.SSHKey}
	for i := range w.spec.SSHKeys {
		keys = append(keys, &w.spec.SSHKeys[i])
	}
	for i := range w.spec.KeyPairs {
		keys = append(keys, &w.spec.KeyPairs[i])
	}
	for _, k := range keys {
		if kind, ok := strings.CutPrefix(k.Value, generatedKind); ok {
			id, err := w.identity(kind)
			if err != nil {
				return err
			}
			k.Value = id.line
		}
		if kind, ok := strings.CutPrefix(k.Fingerprint, generatedKind); ok {
			id, err := w.identity(kind)
			if err != nil {
				return err
			}
			k.Fingerprint = id.thumbprint
		}
	}
	return nil
}

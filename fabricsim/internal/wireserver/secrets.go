package wireserver

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	protocol "github.com/waagent-go/waagent/agent/protocol/wireserver"
	"github.com/waagent-go/waagent/fabricsim/control"
	"github.com/waagent-go/waagent/fabricsim/fault"
	"github.com/waagent-go/waagent/fabricsim/internal/documents"
	"github.com/waagent-go/waagent/fabricsim/internal/tenant"
	"github.com/waagent-go/waagent/fabricsim/internal/world"
)

// recipient is to whom an answer is encrypted: the certificate and the cipher a request names.
type recipient struct {
	certificate *x509.Certificate
	cipher      tenant.Cipher
}

func recipientOf(r *http.Request) (recipient, error) {
	der, err := base64.StdEncoding.DecodeString(r.Header.Get(protocol.HeaderCertificate))
	if err != nil || len(der) == 0 {
		return recipient{}, fmt.Errorf("%s is no base64", protocol.HeaderCertificate)
	}
	var to recipient
	if to.certificate, err = x509.ParseCertificate(der); err != nil {
		return recipient{}, err
	}
	switch name := r.Header.Get(protocol.HeaderCipher); name {
	case "", protocol.Cipher3DES:
		to.cipher = tenant.TripleDES()
	case protocol.CipherAES:
		to.cipher = tenant.AES128()
	default:
		return recipient{}, fmt.Errorf("cipher %q is not supported", name)
	}
	return to, nil
}

// recipient finds it or rejects the request.
func (s *Server) recipient(w http.ResponseWriter, r *http.Request, id string) (recipient, bool) {
	to, err := recipientOf(r)
	if err == nil && to.certificate.PublicKeyAlgorithm != x509.RSA {
		err = errors.New("the transport certificate has no RSA key")
	}
	if err != nil {
		reject(w, r, http.StatusBadRequest, "InvalidTransportCertificate", err.Error())
		return recipient{}, false
	}
	bits := 0
	if key, ok := to.certificate.PublicKey.(*rsa.PublicKey); ok {
		bits = key.N.BitLen()
	}
	s.World.SetTransport(id, control.Transport{ //nolint:errcheck // a VM that is gone is no trouble
		CommonName: to.certificate.Subject.CommonName, KeyBits: bits, Cipher: r.Header.Get(protocol.HeaderCipher),
	})
	return to, true
}

func (s *Server) certificates(w http.ResponseWriter, r *http.Request, id string, v world.View) {
	docs, ok := document(w, r, v)
	if !ok {
		return
	}
	to, ok := s.recipient(w, r, id)
	if !ok {
		return
	}
	if raw, ok := docs.Goal.State.Raw["certificates"]; ok {
		answer(w, http.StatusOK, raw)
		return
	}
	if documents.Omits(docs.Goal.State, "CertificateData") {
		answer(w, http.StatusOK, documents.Certificates(docs.Goal, nil))
		return
	}
	message, err := s.sealCertificates(r, id, v, to)
	if err != nil {
		answer(w, http.StatusInternalServerError, documents.Error("InternalError", err.Error()))
		return
	}
	answer(w, http.StatusOK, documents.Certificates(docs.Goal, message))
}

func (s *Server) sealCertificates(r *http.Request, id string, v world.View, to recipient) ([]byte, error) {
	form := tenant.Form(v.Spec.PFX)
	switch how := fault.Of(r.Context()).Certificate; how {
	case "rc2", "aes", "plain":
		form = tenant.Form(how)
	case "rotate":
		if err := s.World.RotateCertificates(id); err != nil {
			return nil, err
		}
	case "wrong-recipient":
		stranger, err := tenant.Issue("Stranger", time.Now(), tenant.RSA, true)
		if err != nil {
			return nil, err
		}
		if to.certificate, err = x509.ParseCertificate(stranger.DER); err != nil {
			return nil, err
		}
	}
	certificates, err := s.World.Certificates(id)
	if err != nil {
		return nil, err
	}
	pfx, err := tenant.EncodePFX(form, certificates...)
	if err != nil {
		return nil, err
	}
	return tenant.Envelop(to.certificate, pfx, to.cipher)
}

func (s *Server) remoteAccess(w http.ResponseWriter, r *http.Request, id string, v world.View) {
	docs, ok := document(w, r, v)
	if !ok {
		return
	}
	if docs.Goal.State.Users == nil && docs.Goal.State.Raw["remoteAccess"] == "" {
		reject(w, r, http.StatusNotFound, "ResourceNotFound", "There is no remote access information.")
		return
	}
	to, ok := s.recipient(w, r, id)
	if !ok {
		return
	}
	text, err := documents.RemoteAccess(docs.Goal, time.Now(), func(plain []byte) ([]byte, error) {
		return tenant.Envelop(to.certificate, plain, to.cipher)
	})
	if err != nil {
		answer(w, http.StatusInternalServerError, documents.Error("InternalError", err.Error()))
		return
	}
	answer(w, http.StatusOK, text)
}

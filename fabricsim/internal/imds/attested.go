package imds

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"github.com/waagent-go/waagent/fabricsim/internal/world"
)

const (
	firstAttested = "2018-10-01"        // the first API version of attested documents
	attestedTime  = "01/02/06 15:04:05" // how they write times, with -0000 behind
	attestedLife  = 6 * time.Hour       // how long one counts
)

// attestation is what the signature of an attested document covers. Members an older API version does not have are left out.
type attestation struct {
	LicenseType    *string `json:"licenseType,omitempty"`
	Nonce          string  `json:"nonce"`
	Plan           any     `json:"plan"`
	SKU            *string `json:"sku,omitempty"`
	SubscriptionID string  `json:"subscriptionId,omitempty"`
	TimeStamp      struct {
		CreatedOn string `json:"createdOn"`
		ExpiresOn string `json:"expiresOn"`
	} `json:"timeStamp"`
	VMID string `json:"vmId"`
}

// attest is the attestation of a VM at a time. Without a nonce of the client's the time stands for it.
func attest(v world.View, version, nonce string, now time.Time) ([]byte, error) {
	doc, err := Document(v.Spec, version, false)
	if err != nil {
		return nil, err
	}
	compute := doc.(map[string]any)["compute"].(map[string]any) // Document always makes both
	member := func(name string) *string {
		text, _ := compute[name].(string)
		return &text
	}
	now = now.UTC()
	if nonce == "" {
		nonce = now.Format("20060102-150405")
	}
	a := attestation{Nonce: nonce, Plan: compute["plan"], VMID: v.Spec.VMID}
	a.TimeStamp.CreatedOn = now.Format(attestedTime) + " -0000"
	a.TimeStamp.ExpiresOn = now.Add(attestedLife).Format(attestedTime) + " -0000"
	if version >= "2019-04-30" {
		a.SubscriptionID = *member("subscriptionId")
	}
	if version >= "2019-11-01" {
		a.SKU = member("sku")
	}
	if version >= "2020-09-01" {
		a.LicenseType = member("licenseType")
	}
	return json.Marshal(a)
}

// attested answers a document that says which VM this is, as PKCS#7 with a signature of the service's.
func (s *Server) attested(w http.ResponseWriter, r *http.Request, v world.View) {
	version, _ := apiVersion(r)
	content, err := attest(v, version, r.URL.Query().Get("nonce"), time.Now())
	if err == nil {
		content, err = s.sign(content)
	}
	if err != nil {
		answer(w, http.StatusInternalServerError, map[string]any{"error": err.Error()})
		return
	}
	answer(w, http.StatusOK, map[string]any{"encoding": "pkcs7", "signature": base64.StdEncoding.EncodeToString(content)})
}

func (s *Server) sign(content []byte) ([]byte, error) {
	signer, err := s.Signer()
	if err != nil {
		return nil, err
	}
	return signer.Sign(content)
}

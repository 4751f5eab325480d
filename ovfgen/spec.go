// Package ovfgen makes provisioning media: a spec a person writes becomes ovf-env.xml on the DVD image that Azure
// attaches to a new VM. It writes UDF and ISO 9660 in pure Go and needs neither root nor a program; reading images
// back is agent/media's work, and a spec can be had from any of them.
package ovfgen

import (
	"errors"
	"fmt"

	"github.com/waagent-go/waagent/agent/protocol/secret"
	"github.com/waagent-go/waagent/ovfgen/specfile"
)

// Generated, as the value of a key, asks whoever boots the machine for a key of its own making: ovfgen has none.
const Generated = "generated"

// Spec is a machine as its owner describes it. The zero value of a field is what Azure sends for a VM that never
// mentioned it.
type Spec struct {
	Hostname      string      `yaml:"hostname,omitempty"` // DefaultHostname if empty
	User          string      `yaml:"user,omitempty"`     // no UserName element if empty
	Password      secret.Text `yaml:"password,omitempty"`
	AdminPassword secret.Text `yaml:"admin_password,omitempty"`

	// SSHKey and SSHKeys are the user's public keys; the first is there because most machines have one.
	SSHKey   Key   `yaml:"ssh_key,omitempty"`
	SSHKeys  []Key `yaml:"ssh_keys,omitempty"`
	KeyPairs []Key `yaml:"key_pairs,omitempty"`

	// DisablePasswordAuth is, when absent, whether there is no password.
	DisablePasswordAuth *bool `yaml:"disable_password_auth,omitempty"`

	// CustomData is the data itself, CustomDataBase64 the element's text as it shall stand there.
	CustomData       secret.Text `yaml:"custom_data,omitempty"`
	CustomDataBase64 secret.Text `yaml:"custom_data_base64,omitempty"`

	ProvisionGuestAgent      *bool  `yaml:"provision_guest_agent,omitempty"` // true if absent
	ProvisionGuestProxyAgent bool   `yaml:"provision_guest_proxy_agent,omitempty"`
	Preprovisioned           bool   `yaml:"preprovisioned,omitempty"`
	PreprovisionedType       string `yaml:"preprovisioned_type,omitempty"`

	GuestAgentPackage              string `yaml:"guest_agent_package,omitempty"`
	KMSServer                      string `yaml:"kms_server,omitempty"`                        // DefaultKMSServer if empty
	RetainWindowsPEPassword        *bool  `yaml:"retain_windows_pe_password,omitempty"`        // true if absent
	RetainOfflineServicingPassword *bool  `yaml:"retain_offline_servicing_password,omitempty"` // true if absent
	Version                        string `yaml:"version,omitempty"`                           // "1.0" if empty
	PlatformVersion                string `yaml:"platform_version,omitempty"`                  // "1.0" if empty

	// Extra elements, by name, at the end of the configuration set and of the platform settings.
	Extra Extra `yaml:"extra,omitempty"`

	Format Format `yaml:"format,omitempty"` // DefaultFormat if empty
	Label  string `yaml:"label,omitempty"`  // DefaultLabel if empty

	// Files are further files in the disc's root, by name: SCVMM puts one beside the document.
	Files map[string]string `yaml:"files,omitempty"`

	// For media that must fail: elements left out, a document that replaces the generated one, no document at all.
	Omit    []string    `yaml:"omit,omitempty"`
	RawOVF  secret.Text `yaml:"raw_ovf,omitempty"`
	OmitOVF bool        `yaml:"omit_ovf,omitempty"`
}

// Extra holds elements the spec has no field for.
type Extra struct {
	Linux    map[string]string `yaml:"linux,omitempty"`
	Platform map[string]string `yaml:"platform,omitempty"`
}

// IsZero makes omitempty leave an empty Extra out.
func (e Extra) IsZero() bool { return len(e.Linux)+len(e.Platform) == 0 }

// Parse reads a spec. Each mistake is named by its line and field. An empty document is the spec of a machine nobody said
// anything about.
func Parse(data []byte) (Spec, error) {
	var s Spec
	doc, err := specfile.Decode(data, &s)
	if err == nil {
		err = s.check(doc)
	}
	if err != nil {
		return Spec{}, specfile.In("spec", err)
	}
	return s, nil
}

// check finds what no writer could make sense of.
func (s Spec) check(doc specfile.Document) error {
	var found []error
	wrong := func(field, format string, args ...any) { found = append(found, doc.Problem(field, format, args...)) }
	if !s.CustomData.IsZero() && !s.CustomDataBase64.IsZero() {
		wrong("custom_data_base64", "excludes custom_data, which is there too")
	}
	if !s.RawOVF.IsZero() && s.OmitOVF {
		wrong("omit_ovf", "excludes raw_ovf, which is there too")
	}
	if !s.Format.known() {
		wrong("format", "%q is none of %s", s.Format, formatNames())
	}
	if err := checkLabel(s.Label); err != nil {
		wrong("label", "%v", err)
	}
	for i, k := range s.KeyPairs {
		if k.Fingerprint == "" {
			wrong(fmt.Sprintf("key_pairs[%d]", i), "no fingerprint")
		}
	}
	for i, k := range s.SSHKeys {
		if k.Value == "" && k.Fingerprint == "" {
			wrong(fmt.Sprintf("ssh_keys[%d]", i), "neither value nor fingerprint")
		}
	}
	return errors.Join(found...)
}

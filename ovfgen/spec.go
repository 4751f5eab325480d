// Package ovfgen makes provisioning media: a spec a person writes becomes ovf-env.xml on the DVD image that Azure
// attaches to a new VM. It writes UDF and ISO 9660 in pure Go and needs neither root nor a program; reading images
// back is agent/media's work, and a spec can be had from any of them.
package ovfgen

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"

	"github.com/waagent-go/waagent/agent/protocol/secret"
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

// Parse reads a spec. A field that does not exist, or stands twice, is an error that names it and its line. An empty
// document is the spec of a machine nobody said anything about.
func Parse(data []byte) (Spec, error) {
	var s Spec
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&s); err != nil && !errors.Is(err, io.EOF) {
		return Spec{}, plain(err)
	}
	var more yaml.Node
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return Spec{}, fmt.Errorf("spec: line %d: a second document", more.Line)
	}
	if err := s.check(); err != nil {
		return Spec{}, fmt.Errorf("spec: %w", err)
	}
	return s, nil
}

// check finds what no writer could make sense of.
func (s Spec) check() error {
	var found []error
	if !s.CustomData.IsZero() && !s.CustomDataBase64.IsZero() {
		found = append(found, errors.New("custom_data and custom_data_base64 exclude each other"))
	}
	if !s.RawOVF.IsZero() && s.OmitOVF {
		found = append(found, errors.New("raw_ovf and omit_ovf exclude each other"))
	}
	if !s.Format.known() {
		found = append(found, fmt.Errorf("format: %q is none of %s", s.Format, formatNames()))
	}
	if err := checkLabel(s.Label); err != nil {
		found = append(found, err)
	}
	for i, k := range s.KeyPairs {
		if k.Fingerprint == "" {
			found = append(found, fmt.Errorf("key_pairs[%d]: no fingerprint", i))
		}
	}
	for i, k := range s.SSHKeys {
		if k.Value == "" && k.Fingerprint == "" {
			found = append(found, fmt.Errorf("ssh_keys[%d]: neither value nor fingerprint", i))
		}
	}
	return errors.Join(found...)
}

package ovfgen

import (
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/waagent-go/waagent/agent/protocol/ovfenv"
	"github.com/waagent-go/waagent/agent/protocol/secret"
)

// What Azure says to a VM that asked for nothing in particular.
const (
	DefaultHostname  = "azurevm"
	DefaultKMSServer = "kms.core.windows.net"
)

// Environment is the document that s describes. It fails on a key that is still to be generated.
func Environment(s Spec) (ovfenv.Environment, error) {
	if s.WantsGeneratedKey() {
		return ovfenv.Environment{}, fmt.Errorf("ssh_key: %s is for whoever boots the machine to replace; give a key here", Generated)
	}
	e := ovfenv.Environment{
		Version: or(s.Version, "1.0"),
		Linux: ovfenv.LinuxProvisioning{
			HostName:                         or(s.Hostname, DefaultHostname),
			UserName:                         s.User,
			UserPassword:                     s.Password,
			AdminPassword:                    s.AdminPassword,
			DisableSSHPasswordAuthentication: orBool(s.DisablePasswordAuth, s.Password.IsZero()),
			CustomData:                       s.customData(),
			Extra:                            elements(s.Extra.Linux),
		},
		Platform: ovfenv.PlatformSettings{
			Version:                              or(s.PlatformVersion, "1.0"),
			KMSServerHostname:                    or(s.KMSServer, DefaultKMSServer),
			ProvisionGuestAgent:                  orBool(s.ProvisionGuestAgent, true),
			GuestAgentPackageName:                s.GuestAgentPackage,
			RetainWindowsPEPassInUnattend:        orBool(s.RetainWindowsPEPassword, true),
			RetainOfflineServicingPassInUnattend: orBool(s.RetainOfflineServicingPassword, true),
			PreprovisionedVM:                     s.Preprovisioned,
			PreprovisionedVMType:                 s.PreprovisionedType,
			ProvisionGuestProxyAgent:             s.ProvisionGuestProxyAgent,
			Extra:                                elements(s.Extra.Platform),
		},
	}
	for _, k := range s.keys() {
		e.Linux.PublicKeys = append(e.Linux.PublicKeys, s.publicKey(k))
	}
	for _, k := range s.KeyPairs {
		e.Linux.KeyPairs = append(e.Linux.KeyPairs, ovfenv.KeyPair{Fingerprint: k.Fingerprint, Path: or(k.Path, s.home()+"/.ssh/id_rsa")})
	}
	return e, nil
}

// Document is ovf-env.xml as it shall stand on the media: generated, or raw, and nil if the spec wants none.
func Document(s Spec) ([]byte, error) {
	switch {
	case s.OmitOVF:
		return nil, nil
	case !s.RawOVF.IsZero():
		return []byte(s.RawOVF.Reveal()), nil
	}
	e, err := Environment(s)
	if err != nil {
		return nil, err
	}
	return e.Marshal(s.Omit...)
}

func (s Spec) customData() secret.Text {
	if s.CustomData.IsZero() {
		return s.CustomDataBase64
	}
	return secret.New(base64.StdEncoding.EncodeToString([]byte(s.CustomData.Reveal())))
}

func (s Spec) publicKey(k Key) ovfenv.PublicKey {
	return ovfenv.PublicKey{
		Fingerprint: or(k.Fingerprint, fingerprint(k.Value)),
		Path:        or(k.Path, s.home()+"/.ssh/authorized_keys"),
		Value:       k.Value,
	}
}

func (s Spec) home() string { return "/home/" + or(s.User, "user") }

// fingerprint has the form of the fabric's, the SHA-1 of a certificate. A key given by value has none, and every
// reader takes the value first, so any stable number does.
func fingerprint(value string) string {
	fields := strings.Fields(value)
	if len(fields) < 2 {
		return ""
	}
	return fmt.Sprintf("%X", sha1.Sum([]byte(fields[1])))
}

// elements are sorted, so that the same spec is always the same document.
func elements(extra map[string]string) []ovfenv.Element {
	var list []ovfenv.Element
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		list = append(list, ovfenv.Element{Name: name, Value: extra[name]})
	}
	return list
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func orBool(value *bool, otherwise bool) bool {
	if value == nil {
		return otherwise
	}
	return *value
}

var errLabel = errors.New("more than 31 characters, or one that is not ASCII")

// checkLabel allows what both UDF and ISO 9660 volume names can hold. Windows' length is the limit of neither.
func checkLabel(label string) error {
	if len(label) > 31 {
		return errLabel
	}
	for _, r := range label {
		if r < 0x20 || r > 0x7e {
			return errLabel
		}
	}
	return nil
}

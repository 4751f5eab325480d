package ovfgen

import (
	"encoding/base64"
	"slices"
	"unicode/utf8"

	"github.com/waagent-go/waagent/agent/protocol/ovfenv"
	"github.com/waagent-go/waagent/agent/protocol/secret"
)

// FromEnvironment is the spec that describes e.
func FromEnvironment(e ovfenv.Environment) Spec {
	l, p := e.Linux, e.Platform
	s := Spec{
		Hostname: l.HostName, User: l.UserName, Password: l.UserPassword, AdminPassword: l.AdminPassword,
		DisablePasswordAuth:            &l.DisableSSHPasswordAuthentication,
		ProvisionGuestAgent:            &p.ProvisionGuestAgent,
		ProvisionGuestProxyAgent:       p.ProvisionGuestProxyAgent,
		Preprovisioned:                 p.PreprovisionedVM,
		PreprovisionedType:             p.PreprovisionedVMType,
		GuestAgentPackage:              p.GuestAgentPackageName,
		KMSServer:                      p.KMSServerHostname,
		RetainWindowsPEPassword:        &p.RetainWindowsPEPassInUnattend,
		RetainOfflineServicingPassword: &p.RetainOfflineServicingPassInUnattend,
		Version:                        e.Version,
		PlatformVersion:                p.Version,
		Extra:                          Extra{byName(l.Extra), byName(p.Extra)},
	}
	if s.KMSServer == "" {
		s.Omit = []string{"KmsServerHostname"}
	}
	s.CustomData, s.CustomDataBase64 = splitCustomData(l.CustomData)
	for _, k := range l.PublicKeys {
		s.SSHKeys = append(s.SSHKeys, s.keyOf(k))
	}
	if len(s.SSHKeys) == 1 {
		s.SSHKey, s.SSHKeys = s.SSHKeys[0], nil
	}
	for _, k := range l.KeyPairs {
		s.KeyPairs = append(s.KeyPairs, Key{Fingerprint: k.Fingerprint, Path: k.Path})
	}
	return s
}

// keyOf leaves out what publicKey would put in.
func (s Spec) keyOf(k ovfenv.PublicKey) Key {
	key := Key{Value: k.Value, Path: k.Path, Fingerprint: k.Fingerprint}
	if key.Path == s.home()+"/.ssh/authorized_keys" {
		key.Path = ""
	}
	if key.Fingerprint == fingerprint(key.Value) {
		key.Fingerprint = ""
	}
	return key
}

// splitCustomData gives the data itself where a person can read it and it encodes to the same text again.
func splitCustomData(encoded secret.Text) (plain, raw secret.Text) {
	decoded, err := base64.StdEncoding.DecodeString(encoded.Reveal())
	if err != nil || !utf8.Valid(decoded) || slices.ContainsFunc(decoded, control) ||
		base64.StdEncoding.EncodeToString(decoded) != encoded.Reveal() {
		return secret.Text{}, encoded
	}
	return secret.New(string(decoded)), secret.Text{}
}

func control(b byte) bool { return b < 0x20 && b != '\t' && b != '\n' || b == 0x7f }

func byName(elements []ovfenv.Element) map[string]string {
	var m map[string]string
	for _, e := range elements {
		if m == nil {
			m = map[string]string{}
		}
		m[e.Name] = e.Value
	}
	return m
}

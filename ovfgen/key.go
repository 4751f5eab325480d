package ovfgen

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// Key is a public key, or a key pair when it stands under key_pairs. In a spec it is a mapping, or just the value.
type Key struct {
	Value       string `yaml:"value,omitempty"`       // one line of authorized_keys, or Generated
	Path        string `yaml:"path,omitempty"`        // the user's authorized_keys if empty
	Fingerprint string `yaml:"fingerprint,omitempty"` // of the certificate; made from the value if empty
}

// IsZero reports whether there is no key; it also makes omitempty work.
func (k Key) IsZero() bool { return k == Key{} }

// Describe says what stands for a key in a spec.
func (Key) Describe() string { return "a key, or a mapping of value, path and fingerprint" }

// UnmarshalYAML takes a mapping or the value alone.
func (k *Key) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		k.Value = strings.TrimSpace(n.Value)
		return nil
	}
	type fields Key
	if err := n.Decode((*fields)(k)); err != nil {
		return err
	}
	k.Value = strings.TrimSpace(k.Value)
	return nil
}

// WantsGeneratedKey reports whether a key is to be made by whoever boots the machine.
func (s Spec) WantsGeneratedKey() bool {
	for _, k := range s.keys() {
		if k.Value == Generated {
			return true
		}
	}
	return false
}

// WithGeneratedKey is s with value, a line of authorized_keys, wherever it asks for a generated key.
func (s Spec) WithGeneratedKey(value string) Spec {
	value = strings.TrimSpace(value)
	if s.SSHKey.Value == Generated {
		s.SSHKey.Value = value
	}
	keys := make([]Key, len(s.SSHKeys)) // s is a copy, its slices are not
	for i, k := range s.SSHKeys {
		if k.Value == Generated {
			k.Value = value
		}
		keys[i] = k
	}
	if s.SSHKeys != nil {
		s.SSHKeys = keys
	}
	return s
}

// keys is every public key of the spec.
func (s Spec) keys() []Key {
	if s.SSHKey.IsZero() {
		return s.SSHKeys
	}
	return append([]Key{s.SSHKey}, s.SSHKeys...)
}

package ovfgen

import (
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
)

func TestASpecIsReadInFull(t *testing.T) {
	t.Parallel()
	s, err := Parse([]byte(`
hostname: web01
user: alice
password: s3cret
ssh_key: ssh-ed25519 AAAAC3Nz alice@desk
ssh_keys:
  - ssh-rsa AAAAB3Nz second
  - {value: ssh-rsa AAAAB3Nz third, path: /home/alice/.ssh/other, fingerprint: 00FF}
  - fingerprint: 11EE
key_pairs:
  - {fingerprint: 22DD}
  - {fingerprint: 33CC, path: /root/.ssh/id_rsa}
custom_data: |
  #!/bin/sh
  touch /here
disable_password_auth: false
provision_guest_agent: false
provision_guest_proxy_agent: true
preprovisioned: true
preprovisioned_type: Savable
guest_agent_package: pkg.zip
kms_server: kms.example
retain_windows_pe_password: false
extra:
  linux: {Beta: two, Alpha: one}
  platform: {EnableTrustedImageIdentifier: "false"}
`))
	assert.NilError(t, err)
	assert.Equal(t, s.Password.Reveal(), "s3cret")
	document, err := Document(s)
	assert.NilError(t, err)
	golden.Assert(t, string(document), "full.golden")
}

func TestAnEmptySpecIsAMachineNobodySaidAnythingAbout(t *testing.T) {
	t.Parallel()
	s, err := Parse(nil)
	assert.NilError(t, err)
	document, err := Document(s)
	assert.NilError(t, err)
	golden.Assert(t, string(document), "empty.golden")
}

func TestMistakesAreNamedWithTheirLine(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]string{
		"user: a\nusr: b\n":                          `spec: line 2: unknown field "usr"`,
		"user: a\nuser: b\n":                         `spec: line 2: user: stands twice, first in line 1`,
		"ssh_keys:\n  - {val: x}\n":                  `spec: line 2: ssh_keys[0]: unknown field "val"`,
		"ssh_key: [a]\n":                             `spec: line 1: ssh_key: want a key, or a mapping of value, path and fingerprint, not a list`,
		"extra:\n  windows: {}\n":                    `spec: line 2: extra: unknown field "windows"`,
		"preprovisioned: perhaps\n":                  `spec: line 1: preprovisioned: want true or false, not "perhaps"`,
		"password: [s3cret]\n":                       `spec: line 1: password: want text, not a list`,
		"files: [a]\n":                               `spec: line 1: files: want a mapping, not a list`,
		"user: [\n":                                  "spec: line 1: did not find expected node content",
		"user: a\n---\nuser: b\n":                    "spec: line 2: a second document",
		"user: a\nformat: udf-9\n":                   `spec: line 2: format: "udf-9" is none of udf-1.02, udf-1.50, udf-2.00, udf-2.01, bridge, iso9660`,
		"label: 12345678901234567890123456789012":    `spec: line 1: label: more than 31 characters, or one that is not ASCII`,
		"custom_data: a\ncustom_data_base64: YQ==\n": "spec: line 2: custom_data_base64: excludes custom_data, which is there too",
		"raw_ovf: a\nomit_ovf: true\n":               "spec: line 2: omit_ovf: excludes raw_ovf, which is there too",
		"key_pairs:\n- {path: /x}\n":                 "spec: line 2: key_pairs[0]: no fingerprint",
		"ssh_keys: [{path: /x}]\n":                   "spec: line 1: ssh_keys[0]: neither value nor fingerprint",
		"usr: a\npreprovisioned: x\n":                "spec: line 1: unknown field \"usr\"\nspec: line 2: preprovisioned: want true or false, not \"x\"",
	} {
		_, err := Parse([]byte(spec))
		assert.Error(t, err, want)
	}
}

func TestAGeneratedKeyIsSomebodyElsesToMake(t *testing.T) {
	t.Parallel()
	s, err := Parse([]byte("user: a\nssh_key: generated\nssh_keys: [generated, ssh-rsa AAAA x]\n"))
	assert.NilError(t, err)
	assert.Assert(t, s.WantsGeneratedKey())
	_, err = Document(s)
	assert.ErrorContains(t, err, "ssh_key: generated is for whoever boots the machine")

	with := s.WithGeneratedKey("ssh-ed25519 BBBB made\n")
	assert.Assert(t, !with.WantsGeneratedKey())
	assert.Assert(t, s.WantsGeneratedKey()) // s itself is untouched
	e, err := Environment(with)
	assert.NilError(t, err)
	assert.Equal(t, e.Linux.PublicKeys[0].Value, "ssh-ed25519 BBBB made")
	assert.Equal(t, e.Linux.PublicKeys[1].Value, "ssh-ed25519 BBBB made")
	assert.Equal(t, e.Linux.PublicKeys[2].Value, "ssh-rsa AAAA x")
}

func TestMediaThatMustFailCanBeAskedFor(t *testing.T) {
	t.Parallel()
	s, err := Parse([]byte("raw_ovf: |\n  <Environment>\nuser: x\n"))
	assert.NilError(t, err)
	document, err := Document(s)
	assert.NilError(t, err)
	assert.Equal(t, string(document), "<Environment>\n")

	s, err = Parse([]byte("omit_ovf: true\n"))
	assert.NilError(t, err)
	document, err = Document(s)
	assert.NilError(t, err)
	assert.Assert(t, document == nil)
	assert.DeepEqual(t, names(t, s), []string{})

	s, err = Parse([]byte("omit: [HostName, PlatformSettingsSection]\n"))
	assert.NilError(t, err)
	document, err = Document(s)
	assert.NilError(t, err)
	golden.Assert(t, string(document), "omitted.golden")
}

package ovfenv

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/waagent-go/waagent/agent/protocol/secret"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	assert.NilError(t, err)
	return data
}

func TestTheFabricsDocumentIsReadInFull(t *testing.T) {
	t.Parallel()
	got, err := Decode(sample(t, "fabric.xml"))
	assert.NilError(t, err)
	assert.Equal(t, got.Linux.UserPassword.Reveal(), "p&ss w<rd ") // white space is part of a password
	assert.Equal(t, got.Linux.CustomData.Reveal(), "aGVsbG8=")
	got.Linux.UserPassword, got.Linux.CustomData = secret.Text{}, secret.Text{}
	path := "/home/marta/.ssh/authorized_keys"
	assert.DeepEqual(t, got, Environment{
		Version: "1.0",
		Linux: LinuxProvisioning{
			HostName: "harbour7", UserName: "marta",
			PublicKeys: []PublicKey{
				{"0A1B2C3D4E5F60718293A4B5C6D7E8F901234567", path, "ssh-ed25519 AAAAC3Nz marta@desk"},
				{"76543210F9E8D7C6B5A49382716050F4E3D2C1B0", path, ""},
			},
			KeyPairs: []KeyPair{{"76543210F9E8D7C6B5A49382716050F4E3D2C1B0", "$HOME/marta/.ssh/id_rsa"}},
			Extra:    []Element{{"Colour", "green"}},
		},
		Platform: PlatformSettings{
			Version: "1.0", KMSServerHostname: "kms.example.net", ProvisionGuestAgent: true,
			RetainWindowsPEPassInUnattend: true, RetainOfflineServicingPassInUnattend: true,
			PreprovisionedVM: true, PreprovisionedVMType: "Savable", ProvisionGuestProxyAgent: true,
			Extra: []Element{{"EnableTrustedImageIdentifier", "false"}},
		},
	}, compareSecrets)
}

func TestCloudInitsDocumentsAreRead(t *testing.T) {
	t.Parallel()
	got, err := Decode(sample(t, "reserialised.xml"))
	assert.NilError(t, err)
	assert.Equal(t, got.Linux.UserName, "marta")
	assert.Assert(t, got.Linux.DisableSSHPasswordAuthentication)
	assert.Assert(t, !got.Platform.ProvisionGuestAgent)

	got, err = Decode(sample(t, "synthetic.xml"))
	assert.NilError(t, err)
	assert.Equal(t, got.Linux.UserName, "")
	assert.Equal(t, got.Linux.HostName, "harbour7")
	assert.Assert(t, got.Linux.DisableSSHPasswordAuthentication)
	assert.Assert(t, got.Platform.ProvisionGuestAgent)
}

func TestAByteOrderMarkAndCDATAAreRead(t *testing.T) {
	t.Parallel()
	text := strings.Replace(string(sample(t, "reserialised.xml")), "REDACTED", "a<![CDATA[<b>&]]><!-- no -->c", 1)
	got, err := Decode([]byte("\xef\xbb\xbf" + text))
	assert.NilError(t, err)
	assert.Equal(t, got.Linux.UserPassword.Reveal(), "a<b>&c")
}

func TestWhatIsMissingIsNamedAllAtOnce(t *testing.T) {
	t.Parallel()
	full := Environment{Linux: LinuxProvisioning{HostName: "h"}}
	for _, c := range []struct{ omit, want string }{
		{"ProvisioningSection", "ProvisioningSection, LinuxProvisioningConfigurationSet"},
		{"HostName", "HostName"},
		{"HostName Version", "HostName, Version"},
		{"LinuxProvisioningConfigurationSet", "LinuxProvisioningConfigurationSet"},
		{"PlatformSettingsSection", "PlatformSettingsSection, PlatformSettings"},
		{"PlatformSettings", "PlatformSettings"},
		{"ProvisionGuestAgent", "ProvisionGuestAgent"},
	} {
		data, err := full.Marshal(strings.Fields(c.omit)...)
		assert.NilError(t, err)
		_, err = Decode(data)
		assert.Error(t, err, "ovf-env.xml: missing or empty: "+c.want)
		assert.ErrorType(t, err, &MissingError{})
	}
}

func TestBrokenDocumentsSayWhere(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("<a>", 70) + strings.Repeat("</a>", 70)
	for text, want := range map[string]string{
		"":                                  "line 1, column 1: no element",
		"<Environment>\n <a>\n</b>":         "line 3, column 5: element <a> closed by </b>",
		"<Environment>\n":                   "line 2, column 1: unexpected EOF",
		"<Environment/><b/>":                "more than one document element",
		"<Environment>\xff":                 "line 1, column 15: invalid UTF-8",
		"<Thing/>":                          "the document element is Thing, not Environment",
		deep:                                "nested too deep",
		"<Environment>&nope;</Environment>": "invalid character entity &nope;",
		strings.Repeat(" ", 5<<20):          "more than the",
	} {
		_, err := Decode([]byte(text))
		assert.ErrorContains(t, err, want)
		_, err = Redact([]byte(text))
		assert.Assert(t, err != nil || text == "<Thing/>" || len(text) > 4<<20)
	}
}

func TestTheLayoutIsTheFabrics(t *testing.T) {
	t.Parallel()
	e, err := Decode(sample(t, "fabric.xml"))
	assert.NilError(t, err)
	data, err := e.Marshal()
	assert.NilError(t, err)
	golden.Assert(t, string(data), "marshalled.golden")
}

func TestTextThatXMLCannotCarryIsRefused(t *testing.T) {
	t.Parallel()
	for _, e := range []Environment{
		{Linux: LinuxProvisioning{UserPassword: secret.New("\x01")}},
		{Linux: LinuxProvisioning{HostName: "\xff"}},
		{Linux: LinuxProvisioning{Extra: []Element{{"a b", ""}}}},
		{Platform: PlatformSettings{Extra: []Element{{"", ""}}}},
	} {
		_, err := e.Marshal()
		assert.ErrorContains(t, err, "ovf-env.xml: ")
	}
}

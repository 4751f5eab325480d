package ovfenv

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/protocol/secret"
)

var compareSecrets = cmp.Comparer(func(a, b secret.Text) bool { return a.Reveal() == b.Reveal() })

func TestSecretsGoWhateverThePrefixAndTheForm(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"<a><UserPassword>hush</UserPassword></a>":                        "<a><UserPassword>*</UserPassword></a>",
		"<a><x:UserPassword k='1'>hu\nsh</x:UserPassword ></a>":           "<a><x:UserPassword k='1'>*</x:UserPassword ></a>",
		"<a><CustomData><![CDATA[hush]]></CustomData>b</a>":               "<a><CustomData>*</CustomData>b</a>",
		"<a><UserPassword>h<!-- u --><b>sh</b>!</UserPassword></a>":       "<a><UserPassword>*</UserPassword></a>",
		"<a><adminPassword>hush</adminPassword><UserPassword/></a>":       "<a><adminPassword>*</adminPassword><UserPassword/></a>",
		"<a><UserPassword></UserPassword><b>&amp;</b></a>\n":              "<a><UserPassword></UserPassword><b>&amp;</b></a>\n",
		"<a><UserPassword>1</UserPassword><CustomData>2</CustomData></a>": "<a><UserPassword>*</UserPassword><CustomData>*</CustomData></a>",
		"\xef\xbb\xbf<a><UserPassword>1</UserPassword></a>":               "\xef\xbb\xbf<a><UserPassword>*</UserPassword></a>",
		"<UserPassword>hush</UserPassword>":                               "<UserPassword>*</UserPassword>",
	} {
		got, err := Redact([]byte(in))
		assert.NilError(t, err)
		assert.Equal(t, string(got), want)
	}
}

func TestARedactedDocumentStillDecodes(t *testing.T) {
	t.Parallel()
	data, err := Redact(sample(t, "fabric.xml"))
	assert.NilError(t, err)
	got, err := Decode(data)
	assert.NilError(t, err)
	assert.Equal(t, got.Linux.UserPassword.Reveal(), RedactedText)
	assert.Equal(t, got.Linux.UserName, "marta")
	assert.Assert(t, !strings.Contains(string(data), "p&amp;ss"))
}

// FuzzDecode: what was read and written reads the same again, and a redacted document has lost its secrets and
// nothing else.
func FuzzDecode(f *testing.F) {
	for _, name := range []string{"fabric.xml", "reserialised.xml", "synthetic.xml"} {
		f.Add(sample(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Decode(data)
		if err != nil {
			return
		}
		redacted, err := Redact(data)
		assert.NilError(t, err)
		r, err := Decode(redacted)
		assert.NilError(t, err)
		for _, s := range []secret.Text{r.Linux.UserPassword, r.Linux.AdminPassword, r.Linux.CustomData} {
			assert.Assert(t, strings.TrimSpace(s.Reveal()) == "" || s.Reveal() == RedactedText)
		}
		assert.DeepEqual(t, r.Linux.PublicKeys, e.Linux.PublicKeys)

		written, err := e.Marshal()
		if err != nil {
			return // an element name or a character the layout does not carry
		}
		again, err := Decode(written)
		assert.NilError(t, err)
		e.Version, e.Platform.Version = orFirst(e.Version), orFirst(e.Platform.Version)
		assert.DeepEqual(t, again, e, compareSecrets)
	})
}

package ovfgen

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/protocol/secret"
)

func read(t testing.TB, image []byte) (Spec, error) {
	t.Helper()
	return Read(bytes.NewReader(image), int64(len(image)))
}

func TestADiscReadsBackAsTheSpecThatMakesIt(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "user: a\nssh_key: ssh-rsa AAAA b\n", "format: bridge\npassword: p\ncustom_data: |\n  a\n  b\n",
		"custom_data_base64: H4sIAAAAAAAA/w==\nextra: {linux: {A: b}, platform: {C: d}}\n",
		"user: u\nssh_keys: [ssh-rsa AAAA b, {fingerprint: FF, path: /x}]\nkey_pairs: [{fingerprint: EE}]\nformat: udf-2.01\n",
		"provision_guest_agent: false\npreprovisioned: true\npreprovisioned_type: Running\nversion: \"1.1\"\nkms_server: k\nlabel: other\n",
		"user: u\nfiles: {linuxosconfiguration.xml: <x/>, other.txt: \"a\\n\"}\n",
		"format: iso9660\nomit: [KmsServerHostname]\n",
	} {
		s, err := Parse([]byte(text))
		assert.NilError(t, err)
		want := written(t, s)
		back, err := read(t, want)
		assert.NilError(t, err)
		spec, err := back.YAML(true)
		assert.NilError(t, err)
		again, err := Parse(spec)
		assert.NilError(t, err, string(spec))
		assert.Assert(t, bytes.Equal(written(t, again), want), string(spec))
	}
}

func TestSecretsAreShownOnlyWhenAskedFor(t *testing.T) {
	t.Parallel()
	s := alice
	s.CustomData = secret.New("#!/bin/sh\nhush\n")
	s.Files = map[string]string{"linuxosconfiguration.xml": "<AdminPassword>hush</AdminPassword>"}
	s.Extra = Extra{Linux: map[string]string{"DomainPassword": "hush", "Colour": "blue"}, Platform: map[string]string{"SasToken": "hush"}}
	back, err := read(t, written(t, s))
	assert.NilError(t, err)
	hidden, err := back.YAML(false)
	assert.NilError(t, err)
	assert.Assert(t, !regexp.MustCompile("s3cret|hush").Match(hidden), string(hidden))
	assert.Equal(t, strings.Count(string(hidden), secret.Redacted), 5)
	assert.Assert(t, strings.Contains(string(hidden), "Colour: blue\n"), string(hidden))
	shown, err := back.YAML(true)
	assert.NilError(t, err)
	assert.Equal(t, strings.Count(string(shown), "hush"), 4)
	assert.Assert(t, regexp.MustCompile(`(?s)password: s3cret.*custom_data: \|\n +#!/bin/sh\n +hush`).Match(shown), string(shown))
}

func TestABareDocumentIsReadToo(t *testing.T) {
	t.Parallel()
	document, err := Document(alice)
	assert.NilError(t, err)
	s, err := read(t, append([]byte("\xef\xbb\xbf"), document...))
	assert.NilError(t, err)
	assert.Equal(t, s.User, "alice")
}

func TestTheWrongDiscIsSaidToBeWrong(t *testing.T) {
	t.Parallel()
	var image bytes.Buffer
	assert.NilError(t, WriteImage(&image, Image{Label: "install", Files: []File{{"setup.exe", nil}, {"readme", nil}}}))
	_, err := read(t, image.Bytes())
	assert.Error(t, err, `no ovf-env.xml on the udf disc "install"; it holds: readme, setup.exe`)
	_, err = read(t, written(t, Spec{RawOVF: secret.New("<Environment>\n")}))
	assert.ErrorContains(t, err, "ovf-env.xml: line 2, column 1: unexpected EOF")
	_, err = read(t, []byte("hello"))
	assert.ErrorContains(t, err, "neither UDF nor ISO 9660")
}

// The example is parsed twice: as it stands, and with every field it mentions put in force, one after the other.
func TestTheExampleMeansWhatItSays(t *testing.T) {
	t.Parallel()
	s, err := Parse([]byte(Example))
	assert.NilError(t, err)
	assert.NilError(t, Write(&bytes.Buffer{}, s))
	fields := regexp.MustCompile(`(?m)^# ([a-z_0-9]+:.*(?:\n#   .*)*)`).FindAllStringSubmatch(Example, -1)
	assert.Assert(t, len(fields) > 15, len(fields))
	for _, f := range fields {
		_, err := Parse([]byte(strings.ReplaceAll(f[1], "\n# ", "\n")))
		assert.NilError(t, err, f[1])
	}
}

// FuzzParse: a spec that parses is written the same again by its own YAML, and its disc reads back.
func FuzzParse(f *testing.F) {
	f.Add([]byte(Example))
	f.Add([]byte("user: a\nssh_keys: [generated, {fingerprint: AA}]\nextra: {linux: {A: b}}\npassword: \"\\u00e9\"\n"))
	f.Add([]byte("raw_ovf: |\n  <a>\nformat: bridge\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse(data)
		if err != nil {
			return
		}
		text, err := s.YAML(true)
		assert.NilError(t, err)
		again, err := Parse(text)
		assert.NilError(t, err, string(text))
		s, again = s.WithGeneratedKey("ssh-rsa AAAA x"), again.WithGeneratedKey("ssh-rsa AAAA x")
		var first, second bytes.Buffer
		err = Write(&first, s)
		if err != nil {
			return // XML cannot carry it
		}
		assert.NilError(t, Write(&second, again))
		assert.Assert(t, bytes.Equal(first.Bytes(), second.Bytes()), string(text))
		if s.OmitOVF || !s.RawOVF.IsZero() || len(s.Omit) > 0 {
			return
		}
		_, err = read(t, first.Bytes())
		assert.NilError(t, err)
	})
}

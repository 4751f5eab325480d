package hostga

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
)

func TestSamplesAreUnderstood(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"vmsettings", "vmsettings-odd"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var v VMSettings
			assert.NilError(t, json.Unmarshal(sample(t, name), &v))
			text, err := json.MarshalIndent(v, "", "  ")
			assert.NilError(t, err)
			assert.Assert(t, !bytes.Contains(text, []byte("cHJvdGVjdGVk")) && !bytes.Contains(text, []byte("sig=")))
			golden.Assert(t, string(text)+"\n", name+".golden")
		})
	}
}

func TestWhatIsNoVMSettingsIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"settings that are an object":   `{"extensionGoalStates":[{"settings":{}}]}`,
		"public settings as an object":  `{"extensionGoalStates":[{"settings":[{"publicSettings":{}}]}]}`,
		"families that are no array":    `{"gaFamilies":{}}`,
		"a time that is no number":      `{"extensionsLastModifiedTickCount":"soon"}`,
		"on hold, perhaps":              `{"onHold":"perhaps"}`,
		"a sequence number as text":     `{"extensionGoalStates":[{"settingsSeqNo":"1"}]}`,
		"something that ends too early": `{"onHold":true`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var v VMSettings
			assert.Assert(t, json.Unmarshal([]byte(text), &v) != nil)
		})
	}
}

func TestAStatusBlobIsWrittenAsItWasRead(t *testing.T) {
	t.Parallel()
	in := sample(t, "status")
	dec := json.NewDecoder(bytes.NewReader(in))
	dec.DisallowUnknownFields()
	var s VMStatus
	assert.NilError(t, dec.Decode(&s))
	var want, got any
	assert.NilError(t, json.Unmarshal(in, &want))
	text, err := json.Marshal(s)
	assert.NilError(t, err)
	assert.NilError(t, json.Unmarshal(text, &got))
	assert.DeepEqual(t, got, want)
}

func TestAStatusUploadHasItsBytes(t *testing.T) {
	t.Parallel()
	content := "YWJj"
	for name, u := range map[string]StatusUpload{
		"upload-block": {Content: &content, Headers: []BlobHeader{{BlobHeaderType, BlockBlob}}, RequestURI: "https://s.example/x?sig=1"},
		"upload-page":  {Headers: []BlobHeader{{BlobHeaderType, PageBlob}}, RequestURI: "https://s.example/x"},
	} {
		text, err := json.Marshal(u)
		assert.NilError(t, err)
		golden.Assert(t, string(text), name+".json")
	}
}

// FuzzVMSettings decodes foreign bytes. What was understood, written down and read again is the same.
func FuzzVMSettings(f *testing.F) {
	for _, name := range []string{"vmsettings", "vmsettings-odd"} {
		f.Add(sample(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v VMSettings
		if json.Unmarshal(data, &v) != nil {
			return
		}
		written, err := json.Marshal(v)
		assert.NilError(t, err)
		var again VMSettings
		assert.NilError(t, json.Unmarshal(written, &again))
		rewritten, err := json.Marshal(again)
		assert.NilError(t, err)
		assert.Equal(t, string(rewritten), string(written))
		for _, e := range v.Extensions {
			for _, s := range e.Settings {
				if secret := s.Protected.Reveal(); len(secret) > 8 && !strings.Contains("***REDACTED***", secret) && bytes.Count(data, []byte(secret)) == 1 {
					assert.Assert(t, !bytes.Contains(written, []byte(secret)))
				}
			}
		}
	})
}

// FuzzStatus does the same for the status blob.
func FuzzStatus(f *testing.F) {
	f.Add(sample(f, "status"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s VMStatus
		if json.Unmarshal(data, &s) != nil {
			return
		}
		written, err := json.Marshal(s)
		assert.NilError(t, err)
		var again VMStatus
		assert.NilError(t, json.Unmarshal(written, &again))
		rewritten, err := json.Marshal(again)
		assert.NilError(t, err)
		assert.Equal(t, string(rewritten), string(written))
	})
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	assert.NilError(t, err)
	return data
}

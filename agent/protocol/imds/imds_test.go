package imds

import (
	"encoding/json"
	"os"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
)

func TestASampleIsUnderstood(t *testing.T) {
	t.Parallel()
	var i Instance
	assert.NilError(t, json.Unmarshal(sample(t), &i))
	text, err := json.MarshalIndent(i, "", "  ")
	assert.NilError(t, err)
	golden.Assert(t, string(text)+"\n", "instance.golden")
	assert.Assert(t, bool(i.Compute.OSProfile.DisablePasswordAuthentication))
	assert.Equal(t, i.Extended.Compute.PPSType, "Savable")
}

func TestBooleansAreTextOnTheWire(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{`"true"`: true, `true`: true, `"True"`: true, `"false"`: false, `false`: false, `""`: false, `null`: false} {
		var b Bool
		assert.NilError(t, json.Unmarshal([]byte(text), &b))
		assert.Equal(t, bool(b), want, text)
	}
	text, err := json.Marshal([]Bool{true, false})
	assert.NilError(t, err)
	assert.Equal(t, string(text), `["true","false"]`)
}

// FuzzInstance decodes foreign bytes. What was understood, written down and read again is the same.
func FuzzInstance(f *testing.F) {
	f.Add(sample(f))
	f.Add([]byte(`{"compute":{"publicKeys":[]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var i, again Instance
		if json.Unmarshal(data, &i) != nil {
			return
		}
		written, err := json.Marshal(i)
		assert.NilError(t, err)
		assert.NilError(t, json.Unmarshal(written, &again))
		rewritten, err := json.Marshal(again)
		assert.NilError(t, err)
		assert.Equal(t, string(rewritten), string(written))
	})
}

func sample(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/instance.json")
	assert.NilError(t, err)
	return data
}

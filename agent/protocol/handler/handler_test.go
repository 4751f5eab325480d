package handler

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
)

// files are the types by the name of their sample.
func files() map[string]func() any {
	return map[string]func() any{
		"manifest":       func() any { return new(Manifests) },
		"manifest-agent": func() any { return new(Manifests) },
		"environment":    func() any { return new([]Environment) },
		"settings":       func() any { return new(Settings) },
		"status":         func() any { return new([]Report) },
		"heartbeat":      func() any { return new([]Heartbeat) },
	}
}

func TestSamplesAreUnderstood(t *testing.T) {
	t.Parallel()
	for name, empty := range files() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := empty()
			assert.NilError(t, json.Unmarshal(sample(t, name), v))
			text, err := json.MarshalIndent(v, "", "  ")
			assert.NilError(t, err)
			assert.Assert(t, !bytes.Contains(text, []byte("cHJvdGVjdGVk")))
			golden.Assert(t, string(text)+"\n", name+".golden")
		})
	}
}

func TestFlagsAreTrueOnlyWhenTheySaySo(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`true`: true, `"true"`: true, `"TRUE"`: true, `false`: false, `"yes"`: false, `1`: false, `null`: false, `{}`: false, `[true]`: false,
	} {
		var s HandlerSection
		assert.NilError(t, json.Unmarshal([]byte(`{"reportHeartbeat":`+text+`}`), &s))
		assert.Equal(t, bool(s.ReportHeartbeat), want, text)
	}
}

// FuzzFiles decodes foreign bytes as every file. What was understood, written down and read again is the same.
func FuzzFiles(f *testing.F) {
	for name := range files() {
		f.Add(sample(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for name, empty := range files() {
			v := empty()
			if json.Unmarshal(data, v) != nil {
				continue
			}
			written, err := json.Marshal(v)
			assert.NilError(t, err, name)
			again := empty()
			assert.NilError(t, json.Unmarshal(written, again), "%s: %s", name, written)
			rewritten, err := json.Marshal(again)
			assert.NilError(t, err)
			assert.Equal(t, string(rewritten), string(written), name)
		}
	})
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	assert.NilError(t, err)
	return data
}

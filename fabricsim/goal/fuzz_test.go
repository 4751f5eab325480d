package goal

import (
	"encoding/json"
	"testing"
	"testing/fstest"

	"gotest.tools/v3/assert"
)

// FuzzParse reads foreign goal states. What was accepted goes over the wire as JSON and comes out the same.
func FuzzParse(f *testing.F) {
	f.Add([]byte("extensions:\n  - {name: A.B, settings: {seq: 1, public: {b: 1, a: [x, 1.5, null]}}, level: 2}\non_hold: true\n"))
	f.Add([]byte("channel: fasttrack\nusers: [{name: a, password: b, expires: 2030-01-02T03:04:05Z}]\nraw: {vmSettings: '{}'}\n"))
	f.Add([]byte("families: [{name: Prod, version: 1.2.3.4, is_version_from_rsm: true}]\nomit: [ConfigName]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse(data, fstest.MapFS{}, ".")
		if err != nil {
			return
		}
		sent, err := json.Marshal(s)
		assert.NilError(t, err)
		var got State
		assert.NilError(t, json.Unmarshal(sent, &got))
		assert.NilError(t, got.Check())
		again, err := json.Marshal(got)
		assert.NilError(t, err)
		assert.Equal(t, string(again), string(sent))
	})
}

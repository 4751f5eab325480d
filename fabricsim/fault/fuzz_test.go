package fault

import (
	"encoding/json"
	"testing"

	"gotest.tools/v3/assert"
)

func TestAPlaybookIsRead(t *testing.T) {
	t.Parallel()
	steps, err := Parse([]byte("- {route: goalstate, delay: 12s}\n- {route: 'blob.*', status: 503, count: 3, header: {Retry-After: '2'}}\n- {route: versions, chance: 0.1, seed: 7, reset: true}\n"))
	assert.NilError(t, err)
	assert.Equal(t, steps[0].String(), "goalstate delay 12s")
	assert.Equal(t, steps[1].Header["Retry-After"], "2")
	assert.Equal(t, steps[2].String(), "versions chance 0.1 seed 7 reset")
	for _, text := range []string{"- {route: x}", "- {route: x, colour: blue}", "x", "- {route: x, chance: 0.5}"} {
		_, err := Parse([]byte(text))
		assert.Assert(t, err != nil, text)
	}
}

// FuzzParse reads foreign playbooks. What was accepted goes over the wire as JSON and comes out the same.
func FuzzParse(f *testing.F) {
	f.Add([]byte("- {route: goalstate, delay: 12s, truncate: half, stale: true}\n- {route: tls, certificate: expired, count: -1}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		steps, err := Parse(data)
		if err != nil {
			return
		}
		var p Playbook
		assert.NilError(t, p.Add(steps...))
		sent, err := json.Marshal(steps)
		assert.NilError(t, err)
		var got []Step
		assert.NilError(t, json.Unmarshal(sent, &got))
		again, err := json.Marshal(got)
		assert.NilError(t, err)
		assert.Equal(t, string(again), string(sent))
	})
}

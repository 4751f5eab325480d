package imds

import (
	"encoding/json"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/waagent-go/waagent/fabricsim/goal"
)

func TestDocumentsHaveTheirBytes(t *testing.T) {
	t.Parallel()
	vm := goal.VM{ID: "web01", PublicKeys: []string{"ssh-ed25519 AAAA alice"}, Addresses: []string{"10.0.0.4"}}
	assert.NilError(t, vm.Check())
	for _, version := range []string{"2017-08-01", "2018-02-01", "2019-06-01", "2021-02-01", "2021-08-01", "2021-12-13", "2023-11-15"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			doc, err := Document(vm, version, true)
			assert.NilError(t, err)
			text, err := json.MarshalIndent(doc, "", "  ")
			assert.NilError(t, err)
			golden.Assert(t, string(text)+"\n", version+".json")
		})
	}
}

func TestVersionsAreInTheirOrder(t *testing.T) {
	t.Parallel()
	all := Versions()
	for i := 1; i < len(all); i++ {
		assert.Assert(t, all[i-1] < all[i], all[i])
	}
}

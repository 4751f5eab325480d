package fabricsim_test

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/fabricsim/goal"
)

func TestInstanceMetadataNamesThePoolUntilTheVMHasAnOwner(t *testing.T) {
	t.Parallel()
	for _, pool := range []string{"Running", "Savable", "PreprovisionedOSDisk"} {
		t.Run(pool, func(t *testing.T) {
			t.Parallel()
			g := boot(t, newFabric(t), goal.VM{ID: "web01", PPS: pool})
			instance := func() string {
				status, body, _ := g.ask("GET", imdsURL+"/metadata/instance?api-version=2021-08-01&extended=true", "", metadata)
				assert.Equal(t, status, 200, body)
				return body
			}
			assert.Assert(t, strings.Contains(instance(), `"ppsType":"`+pool+`"`), instance())
			assert.NilError(t, g.f.UpdateVM("web01", []byte(`{"name": "bought", "admin_user": "alice"}`)))
			assert.NilError(t, g.f.Reuse("web01", "<Environment/>"))
			for _, part := range []string{`"ppsType":"None"`, `"computerName":"bought"`, `"adminUsername":"alice"`} {
				assert.Assert(t, strings.Contains(instance(), part), "%s in %s", part, instance())
			}
			g.clean()
		})
	}
}

// The NIC of a saved VM is another one afterwards, at another address.
func TestAnotherNICIsInTheMetadataAtOnce(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	g := boot(t, f, goal.VM{ID: "web01", PPS: "Savable", Addresses: []string{"10.0.0.4"}})
	network := func() string {
		_, body, _ := g.ask("GET", imdsURL+"/metadata/instance/network?api-version=2021-08-01", "", metadata)
		return body
	}
	before := network()
	assert.Assert(t, strings.Contains(before, `"privateIpAddress":"10.0.0.4"`), before)
	assert.NilError(t, f.UpdateVM("web01", []byte(
		`{"addresses": ["10.1.0.9"], "nics": [{"mac": "00:0d:3a:00:00:09", "addresses": ["10.1.0.9"]}]}`)))
	after := network()
	for _, part := range []string{`"macAddress":"000D3A000009"`, `"privateIpAddress":"10.1.0.9"`, `"address":"10.1.0.0"`} {
		assert.Assert(t, strings.Contains(after, part), "%s in %s", part, after)
	}
	assert.Assert(t, !strings.Contains(after, "10.0.0.4"), after)
	g.clean()
}

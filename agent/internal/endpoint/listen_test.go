package endpoint

import (
	"net"
	"testing"

	"gotest.tools/v3/assert"
)

func TestDHCPIsAskedOnThePrimaryInterface(t *testing.T) {
	t.Parallel()
	mac := net.HardwareAddr{0, 0x15, 0x5d, 1, 2, 3}
	all := []net.Interface{
		{Name: "lo", Flags: net.FlagUp | net.FlagLoopback}, {Name: "eth0", HardwareAddr: mac},
		{Name: "tun0", Flags: net.FlagUp}, {Name: "eth1", HardwareAddr: mac, Flags: net.FlagUp}, {Name: "eth2", HardwareAddr: mac, Flags: net.FlagUp},
	}
	for primary, want := range map[string]string{"eth2": "eth2", "eth0": "eth1", "tun0": "eth1", "": "eth1"} {
		i, ok := choose(all, primary)
		assert.Assert(t, ok)
		assert.Equal(t, i.Name, want, "primary %q", primary)
	}
	_, ok := choose(all[:3], "eth0")
	assert.Assert(t, !ok)
}

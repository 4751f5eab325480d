package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

const routeSample = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth1	00000000	0100000A	0003	0	0	200	00000000	0	0	0
eth0	00000000	0100010A	0003	0	0	100	00000000	0	0	0
eth2	00000000	0100020A	0003	0	0	100	00000000	0	0	0
eth3	00000000	00000000	0001	0	0	1	00000000	0	0	0
eth0	10813FA8	0100010A	0007	0	0	100	FFFFFFFF	0	0	0
`

func TestThePrimaryInterfaceHasTheDefaultRoute(t *testing.T) {
	t.Parallel()
	f := Files{Root: t.TempDir()}
	for _, name := range []string{"lo", "eth7"} {
		assert.NilError(t, os.MkdirAll(filepath.Join(f.Root, "sys/class/net", name), 0o755))
	}
	got, err := f.PrimaryInterface()
	assert.NilError(t, err)
	assert.Equal(t, got, "eth7")

	assert.NilError(t, os.MkdirAll(filepath.Join(f.Root, "proc/net"), 0o755))
	assert.NilError(t, os.WriteFile(filepath.Join(f.Root, "proc/net/route"), []byte(routeSample), 0o444))
	got, err = f.PrimaryInterface()
	assert.NilError(t, err)
	assert.Equal(t, got, "eth0")
}

// TestWithoutADefaultRouteTheFirstCardThatIsUpIsPrimary: in the kernel's order, which is not that of the names; what is
// listed there need not be an interface.
func TestWithoutADefaultRouteTheFirstCardThatIsUpIsPrimary(t *testing.T) {
	t.Parallel()
	f := Files{Root: t.TempDir()}
	put := func(name, index, state string) {
		dir := filepath.Join(f.Root, "sys/class/net", name)
		assert.NilError(t, os.MkdirAll(dir, 0o755))
		assert.NilError(t, os.WriteFile(dir+"/ifindex", []byte(index+"\n"), 0o444))
		assert.NilError(t, os.WriteFile(dir+"/operstate", []byte(state+"\n"), 0o444))
	}
	put("lo", "1", "unknown")
	put("dummy0", "9", "unknown")
	put("eth0", "10", "down")
	put("enp0s3", "11", "down")
	assert.NilError(t, os.WriteFile(filepath.Join(f.Root, "sys/class/net/bonding_masters"), nil, 0o644))
	got, err := f.PrimaryInterface()
	assert.NilError(t, err)
	assert.Equal(t, got, "dummy0", "none is up for sure: the first")
	put("eth1", "12", "up")
	put("eth2", "3", "up")
	put("docker0", "2", "up")
	got, err = f.PrimaryInterface()
	assert.NilError(t, err)
	assert.Equal(t, got, "eth2")
}

// FuzzRouteTable: the interface of the default route is one that the table names, and not one without a gateway.
func FuzzRouteTable(f *testing.F) {
	f.Add(routeSample)
	f.Add("eth0 00000000 0 3 0 0 -1 00000000\n")
	f.Fuzz(func(t *testing.T, table string) {
		name := defaultRoute(table)
		if name == "" {
			return
		}
		named := false
		for line := range strings.Lines(table) {
			fields := strings.Fields(line)
			named = named || len(fields) > 7 && fields[0] == name && fields[1] == "00000000" && fields[7] == "00000000"
		}
		assert.Assert(t, named)
	})
}

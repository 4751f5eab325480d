package instanceid_test

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
	"github.com/waagent-go/waagent/agent/internal/instanceid"
)

const (
	smbios = "544CDFD0-CB4E-4B4A-9954-5BDF3ED5C3B8"
	fabric = "D0DF4C54-4ECB-4A4B-9954-5BDF3ED5C3B8"
)

func TestIDsComeInTheFabricsByteOrder(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t, t.TempDir())
	assert.NilError(t, m.Files().MkdirAll("/sys/class/dmi/id", 0o755))
	assert.NilError(t, m.Files().WriteAtomic(instanceid.Path, []byte(smbios+"\n"), 0o400))
	id, err := instanceid.Read(t.Context(), m.Files(), m)
	assert.NilError(t, err)
	assert.Equal(t, id, fabric)
}

// The original turns these around as well, and its marker is recognised in either order.
func TestAGen2MachineShowsItsIDAsTheFabricHasIt(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t, t.TempDir())
	assert.NilError(t, m.Files().MkdirAll("/sys/class/dmi/id", 0o755))
	assert.NilError(t, m.Files().MkdirAll("/sys/firmware/efi", 0o755))
	assert.NilError(t, m.Files().WriteAtomic(instanceid.Path, []byte(fabric+"\n"), 0o400))
	id, err := instanceid.Read(t.Context(), m.Files(), m)
	assert.NilError(t, err)
	assert.Equal(t, id, fabric)
}

func TestDmidecodeIsTheSecondWay(t *testing.T) {
	t.Parallel()
	for out, want := range map[string]string{smbios + "\n": fabric, "Not Settable\n": ""} {
		m := hosttest.New(t, t.TempDir(), hosttest.OK("dmidecode --string system-uuid", out))
		id, err := instanceid.Read(t.Context(), m.Files(), m)
		assert.NilError(t, err)
		assert.Equal(t, id, want)
	}
	m := hosttest.New(t, t.TempDir(), hosttest.Missing("dmidecode"))
	id, err := instanceid.Read(t.Context(), m.Files(), m)
	assert.NilError(t, err)
	assert.Equal(t, id, "")
}

func TestOneVMIsTheSameInEitherOrder(t *testing.T) {
	t.Parallel()
	assert.Assert(t, instanceid.Same(smbios, fabric) && instanceid.Same(fabric, smbios))
	assert.Assert(t, instanceid.Same("d0df4c54-4ecb-4a4b-9954-5bdf3ed5c3b8", fabric))
	assert.Assert(t, instanceid.Same("", "") && !instanceid.Same("", fabric))
	assert.Assert(t, !instanceid.Same(smbios, "544CDFD0-CB4E-4B4A-9954-000000000000"))
	assert.Equal(t, instanceid.Swap("no id"), "no id")
}

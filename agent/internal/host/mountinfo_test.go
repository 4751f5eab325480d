package host

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/machine"
)

const mountinfoSample = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,discard,errors=remount-ro
31 22 0:27 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate
98 22 8:17 / /mnt/my\040disk ro,relatime shared:50 master:3 - xfs /dev/sdb1 rw,attr2
99 22 11:0 / /mnt/cdrom/secure ro,relatime - udf /dev/sr0 ro
`

func TestMountinfoLineByLine(t *testing.T) {
	t.Parallel()
	got, err := parseMountinfo(mountinfoSample)
	assert.NilError(t, err)
	assert.DeepEqual(t, got, []machine.Mount{
		{Source: "/dev/sda1", Target: "/", Type: "ext4", Options: "rw,relatime,discard,errors=remount-ro"},
		{Source: "cgroup2", Target: "/sys/fs/cgroup", Type: "cgroup2", Options: "rw,nosuid,nodev,noexec,relatime,nsdelegate"},
		{Source: "/dev/sdb1", Target: "/mnt/my disk", Type: "xfs", Options: "ro,relatime,attr2"},
		{Source: "/dev/sr0", Target: "/mnt/cdrom/secure", Type: "udf", Options: "ro,relatime"},
	})
}

func TestMountsBelowARootAreNamedAsTheGuestDoes(t *testing.T) {
	t.Parallel()
	all := []machine.Mount{{Target: "/"}, {Target: "/srv/root"}, {Target: "/srv/root/mnt"}, {Target: "/srv/rootless"}}
	assert.DeepEqual(t, Files{Root: "/srv/root"}.below(all), []machine.Mount{{Target: "/"}, {Target: "/mnt"}})
}

func FuzzMountinfo(f *testing.F) {
	for line := range strings.Lines(mountinfoSample) {
		f.Add(line)
	}
	f.Add(mountinfoSample)
	f.Add("1 2 3 4 \\777\\04 6 - a b\n")
	f.Fuzz(func(t *testing.T, text string) {
		mounts, err := parseMountinfo(text)
		if err != nil {
			return
		}
		lines := 0
		for line := range strings.Lines(text) {
			if strings.TrimSpace(line) != "" {
				lines++
			}
		}
		assert.Assert(t, len(mounts) <= lines)
		for _, m := range mounts {
			assert.Assert(t, m.Target != "" && m.Type != "" && m.Source != "")
		}
	})
}

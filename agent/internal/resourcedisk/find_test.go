package resourcedisk

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/host"
)

// tree makes a root with the given files; a value that starts with "->" is a link.
func tree(t *testing.T, entries map[string]string) host.Files {
	t.Helper()
	root := t.TempDir()
	for name, text := range entries {
		path := filepath.Join(root, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		if target, ok := cutLink(text); ok {
			assert.NilError(t, os.Symlink(target, path))
			continue
		}
		assert.NilError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return host.Files{Root: root}
}

func cutLink(text string) (string, bool) {
	if len(text) > 2 && text[:2] == "->" {
		return text[2:], true
	}
	return "", false
}

const gen2Bus = "/sys/bus/vmbus/devices/f8b3781a-1e82-4818-a1c3-63d806ec15bb"

func TestTheDiskIsFoundWhereHyperVPutsIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files  map[string]string
		nvme   bool
		device string
	}{
		"generation 1, entry is a link, braces": {device: "/dev/sdb", files: map[string]string{
			"/sys/devices/LNXSYSTM:00/vmbus_0/ide1/device_id":                                "{00000000-0001-8899-0000-000000000000}\n",
			"/sys/devices/LNXSYSTM:00/vmbus_0/ide1/host1/target1:0:1/1:0:1:0/block/sdb/size": "1",
			"/sys/bus/vmbus/devices/ide1":                                                    "->../../../devices/LNXSYSTM:00/vmbus_0/ide1",
			"/sys/bus/vmbus/devices/other/device_id":                                         "{ba6163d9-04a1-4d29-b605-72e2ffb1dc7f}\n",
			"/sys/bus/vmbus/devices/ide0/device_id":                                          "{00000000-0000-8899-0000-000000000000}\n",
			"/sys/bus/vmbus/devices/ide0/host0/target0:0:0/0:0:0:0/block/sda/size":           "1",
			"/dev/sda": "", "/dev/sdb": "",
		}},
		"generation 2, the second unit": {device: "/dev/sdc", files: map[string]string{
			gen2Bus + "/device_id":                                "{F8B3781A-1E82-4818-A1C3-63D806EC15BB}",
			gen2Bus + "/host0/target0:0:0/0:0:0:0/block/sda/size": "",
			gen2Bus + "/host0/target0:0:0/0:0:0:1/block/sdc/size": "",
			gen2Bus + "/host0/target0:0:0/0:0:0:2/block/sr0/size": "",
			"/dev/sda": "", "/dev/sdc": "",
		}},
		"generation 2 without a resource disk": {device: "", files: map[string]string{
			gen2Bus + "/device_id":                                "{f8b3781a-1e82-4818-a1c3-63d806ec15bb}",
			gen2Bus + "/host0/target0:0:0/0:0:0:0/block/sda/size": "",
			"/dev/sda": "",
		}},
		"an old kernel": {device: "/dev/sdb", files: map[string]string{
			"/sys/bus/vmbus/devices/vmbus_0_5/device_id":         "00000000-0001-8899-0000-000000000000",
			"/sys/bus/vmbus/devices/vmbus_0_5/1:0:1:0/block:sdb": "x",
			"/dev/sdb": "",
		}},
		"the link of azure-vm-utils": {device: "/dev/loop7", files: map[string]string{
			"/dev/disk/azure/resource": "->../../loop7", "/dev/loop7": "",
		}},
		"a link to nothing": {device: "", files: map[string]string{"/dev/disk/azure/resource": "->../../sdz"}},
		"NVMe, not asked for": {device: "", files: map[string]string{
			"/sys/class/nvme/nvme1/model": "Microsoft NVMe Direct Disk v2   \n", "/dev/nvme1n1": "",
		}},
		"NVMe": {nvme: true, device: "/dev/nvme1n1", files: map[string]string{
			"/sys/class/nvme/nvme0/model": "MSFT NVMe Accelerator v1.0\n", "/dev/nvme0n1": "",
			"/sys/class/nvme/nvme1/model": "Microsoft NVMe Direct Disk v2   \n", "/dev/nvme1n1": "",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := find(tree(t, c.files), c.nvme)
			if c.device == "" {
				assert.ErrorIs(t, err, ErrNoDisk)
				return
			}
			assert.NilError(t, err)
			assert.DeepEqual(t, got.device, c.device)
			assert.Equal(t, got.nvme, c.nvme)
		})
	}
}

func TestPartitionsAreToldFromOtherDisks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, device string
		want         bool
	}{
		{"/dev/sdb1", "/dev/sdb", true}, {"/dev/sdb", "/dev/sdb", true}, {"/dev/sdba1", "/dev/sdb", false},
		{"/dev/loop1p1", "/dev/loop1", true}, {"/dev/loop11", "/dev/loop1", false}, {"/dev/nvme0n1p12", "/dev/nvme0n1", true},
		{"/dev/loop1p", "/dev/loop1", false},
	} {
		assert.Equal(t, partOf(c.name, c.device), c.want, "%s of %s", c.name, c.device)
	}
}

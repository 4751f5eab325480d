package resourcedisk

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/config"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
	"github.com/waagent-go/waagent/agent/machine"
)

const (
	gpartList = "Geom name: da0\nmodified: false\nscheme: GPT\nProviders:\n\nGeom name: da1\nmodified: false\nscheme: MBR\n"
	storvsc   = "dev.storvsc.1.%pnpinfo: classid=32412632-86cb-44a2-9b5c-50d1417354f5 deviceid=00000000-0001-8899-0000-000000000000\n" +
		"dev.storvsc.0.%pnpinfo: classid=32412632-86cb-44a2-9b5c-50d1417354f5 deviceid=00000000-0000-8899-0000-000000000000\n"
	buses   = "scbus0 on ata0 bus 0:\nscbus2 on storvsc0 bus 0:\nscbus3 on storvsc1 bus 0:\n"
	devlist = "<Msft Virtual Disk 1.0>            at scbus2 target 0 lun 0 (da0,pass0)\n<Msft Virtual Disk 1.0>            at scbus3 target 1 lun 0 (pass1,da1)\n"
)

// freebsd is a VM whose resource disk is da1, with the content given.
func freebsd(t *testing.T, content []byte, answers ...hosttest.Answer) (Options, *hosttest.Script) {
	t.Helper()
	root := t.TempDir()
	assert.NilError(t, os.MkdirAll(root+"/dev", 0o755))
	assert.NilError(t, os.WriteFile(root+"/dev/da1s1", content, 0o600))
	m := hosttest.New(t, root, append([]hosttest.Answer{
		hosttest.OK("gpart list", gpartList), hosttest.OK("sysctl dev.storvsc", storvsc), hosttest.OK("camcontrol devlist -b", buses),
		hosttest.OK("camcontrol devlist", devlist), hosttest.OK("gpart show -p da1", "=>  63  2097089  da1  MBR\n    63  2097089  da1s1  ntfs\n"),
	}, answers...)...)
	return Options{
		Config: config.ResourceDisk{Format: true, Filesystem: "ufs", MountPoint: "/mnt/resource"}, LibDir: "/var/lib/waagent",
		Files: m.Files(), Machine: m, Disks: freeDisk{host.Disks{Files: m.Files()}}, Log: slog.New(slog.DiscardHandler), FreeBSD: true,
	}, m
}

// freeDisk has room, wherever the test runs.
type freeDisk struct{ host.Disks }

func (freeDisk) FreeSpace(string) (int64, error) { return 1 << 40, nil }

func TestOnFreeBSDTheDiskIsFoundAndMounted(t *testing.T) {
	t.Parallel()
	o, m := freebsd(t, nil)
	res, err := Activate(t.Context(), o)
	assert.NilError(t, err)
	assert.DeepEqual(t, res, Result{Device: "/dev/da1", Partition: "/dev/da1s1", Filesystem: "ufs", MountPoint: "/mnt/resource"})
	again, err := Activate(t.Context(), o)
	assert.NilError(t, err)
	assert.Assert(t, again.Adopted)
	mounts, err := m.Mounts()
	assert.NilError(t, err)
	assert.Equal(t, len(mounts), 1)

	o.Config.Filesystem = "ufs2"
	_, err = Activate(t.Context(), o)
	assert.ErrorContains(t, err, "FreeBSD's is ufs")
}

func TestOnFreeBSDOnlyADiskWithNothingToLoseIsFormatted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content []byte
		fstyp   hosttest.Answer
		refused string
	}{
		"blank":          {make([]byte, 8*mebibyte), hosttest.Fail("fstyp /dev/da1s1", 1, "filesystem not recognized"), ""},
		"the platform's": {ntfsDisk(t, noticeName), hosttest.OK("fstyp /dev/da1s1", "ntfs\n"), ""},
		"somebody's":     {ntfsDisk(t, "thesis.docx"), hosttest.OK("fstyp /dev/da1s1", "ntfs\n"), "is left alone"},
		"another kind":   {make([]byte, 8*mebibyte), hosttest.OK("fstyp /dev/da1s1", "ext2fs\n"), "it holds ext2fs"},
		"unknown data":   {[]byte(strings.Repeat("data", mebibyte)), hosttest.Missing("fstyp"), "is not blank"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, m := freebsd(t, c.content, c.fstyp)
			newfs := hosttest.OK("newfs -U /dev/da1s1", "")
			formatted := false
			newfs.Do = func(machine.Command) error { formatted = true; return nil }
			m.Add(newfs)
			m.OnMount = func(machine.Mount) error {
				if !formatted {
					return errors.New("invalid argument")
				}
				return nil
			}
			res, err := Activate(t.Context(), o)
			if c.refused != "" {
				assert.ErrorContains(t, err, c.refused)
				assert.Assert(t, !formatted)
				return
			}
			assert.NilError(t, err)
			assert.Assert(t, res.Formatted)
		})
	}
}

func TestOnFreeBSDSwapLiesOnOneMemoryDisk(t *testing.T) {
	t.Parallel()
	const file = "/mnt/resource/swapfile"
	empty := hosttest.OK("mdconfig -l -v", "")
	empty.Once = true
	noSwap := hosttest.OK("swapctl -l", "Device:  1024-blocks Used:\n")
	noSwap.Once = true
	o, m := freebsd(t, nil, empty, hosttest.OK("mdconfig -l -v", "md0\tvnode\t 3.0M\t"+file+"\n"), hosttest.OK("mdconfig -a -t vnode -f "+file, "md0\n"),
		noSwap, hosttest.OK("swapctl -l", "Device:  1024-blocks Used:\n/dev/md0.eli  3072  0\n"),
		hosttest.OK("kldload -n *", ""), hosttest.OK("geli onetime -e AES-XTS -l 256 -d /dev/md0", ""),
		hosttest.OK("chmod 0600 /dev/md0.eli", ""), hosttest.OK("swapon /dev/md0.eli", ""))
	o.Config.EnableSwap, o.Config.EnableSwapEncryption, o.Config.SwapSizeMB = true, true, 3
	for range 2 { // a second start attaches nothing more
		res, err := Activate(context.Background(), o)
		assert.NilError(t, err)
		assert.Equal(t, res.Swap, "/dev/md0.eli")
	}
	assert.Equal(t, strings.Count(strings.Join(m.Calls(), "\n"), "swapon"), 1)
	assert.Equal(t, strings.Count(strings.Join(m.Calls(), "\n"), "mdconfig -a"), 1)
	info, err := o.Files.Stat(file)
	assert.NilError(t, err)
	assert.Equal(t, info.Size(), int64(3*mebibyte))
}

// TestOnFreeBSDASwapFileOfAnotherSizeIsReplaced: the memory disk over the old one goes first.
func TestOnFreeBSDASwapFileOfAnotherSizeIsReplaced(t *testing.T) {
	t.Parallel()
	const file = "/mnt/resource/swapfile"
	once := func(a hosttest.Answer) hosttest.Answer { a.Once = true; return a }
	old := hosttest.OK("mdconfig -l -v", "md0\tvnode\t 2.0M\t"+file+"\n")
	o, m := freebsd(t, nil, once(old), once(old), hosttest.OK("mdconfig -l -v", ""),
		once(hosttest.OK("swapctl -l", "Device:  1024-blocks Used:\n/dev/md0  2048  0\n")), hosttest.OK("swapctl -l", "Device:  1024-blocks Used:\n"),
		hosttest.OK("swapoff /dev/md0", ""), hosttest.OK("mdconfig -d -u md0", ""), hosttest.OK("mdconfig -a -t vnode -f "+file, "md0\n"),
		hosttest.OK("chmod 0600 /dev/md0", ""), hosttest.OK("swapon /dev/md0", ""))
	assert.NilError(t, o.Files.MkdirAll("/mnt/resource", 0o755))
	assert.NilError(t, o.Files.WriteAtomic(file, make([]byte, 2*mebibyte), 0o600))
	o.Config.EnableSwap, o.Config.SwapSizeMB = true, 3
	res, err := Activate(t.Context(), o)
	assert.NilError(t, err)
	assert.Equal(t, res.Swap, "/dev/md0")
	info, err := o.Files.Stat(file)
	assert.NilError(t, err)
	assert.Equal(t, info.Size(), int64(3*mebibyte))
	assert.Equal(t, len(m.Unused()), 0, "%q", m.Unused())
}

func TestOnFreeBSDLeavingDetachesEveryMemoryDisk(t *testing.T) {
	t.Parallel()
	const file = "/mnt/resource/swapfile"
	once := func(a hosttest.Answer) hosttest.Answer { a.Once = true; return a }
	o, m := freebsd(t, nil, once(hosttest.OK("mdconfig -l -v", "md0\tvnode\t 3.0M\t"+file+"\nmd1\tvnode\t 3.0M\t"+file+"\n")),
		once(hosttest.OK("mdconfig -l -v", "md1\tvnode\t 3.0M\t"+file+"\n")), hosttest.OK("mdconfig -l -v", ""),
		hosttest.OK("swapctl -l", "Device:  1024-blocks Used:\n/dev/md0.eli  3072  0\n"), hosttest.OK("swapoff /dev/md0.eli", ""),
		hosttest.OK("mdconfig -d -u md0", ""), hosttest.OK("mdconfig -d -u md1", ""))
	o.Config.EnableSwap = true
	_, err := Activate(t.Context(), Options{Config: config.ResourceDisk{Format: true, Filesystem: "ufs", MountPoint: "/mnt/resource"},
		Files: o.Files, Machine: o.Machine, Disks: o.Disks, Log: o.Log, FreeBSD: true})
	assert.NilError(t, err)
	assert.NilError(t, o.Files.WriteAtomic(file, make([]byte, mebibyte), 0o600))
	assert.DeepEqual(t, Traces(t.Context(), o), []string{file, "/mnt/resource/" + noticeName})
	assert.NilError(t, Leave(t.Context(), o))
	assert.Assert(t, !o.Files.Exists(file) && !o.Files.Exists("/mnt/resource/"+noticeName))
	assert.Equal(t, len(m.Unused()), 0, "%q", m.Unused())
}

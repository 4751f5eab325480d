package qemu

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	"gotest.tools/v3/poll"

	"github.com/waagent-go/waagent/fabricsim/vnet"
	"github.com/waagent-go/waagent/scenarios/machine"
)

// until polls a command in the guest for its success.
func until(t *testing.T, g *Guest, argv ...string) {
	t.Helper()
	poll.WaitOn(t, func(poll.LogT) poll.Result {
		r, err := g.Exec(t.Context(), machine.Command{Argv: argv})
		if err != nil {
			return poll.Error(err)
		}
		if r.ExitCode != 0 {
			return poll.Continue("%v: %s%s", argv, r.Stdout, r.Stderr)
		}
		return poll.Success()
	}, poll.WithTimeout(time.Minute), poll.WithDelay(time.Second/2))
}

func TestAHostChangesTheMachine(t *testing.T) {
	needQEMU(t)
	dvd := filepath.Join(t.TempDir(), "dvd.iso")
	assert.NilError(t, os.WriteFile(dvd, make([]byte, 1<<20), 0o600))
	g := bootDebian(t, vnet.Options{}, Spec{
		DVD: dvd, ResourceDisk: &ResourceDisk{Size: 64 << 20}, HotNICs: 1, DataDisks: []int64{8 << 20},
		Files: []File{{Path: "/etc/placed", Mode: 0o640, Data: []byte("placed")}, {Path: "/opt/link", Link: "/etc/placed"}},
	})
	ctx := t.Context()
	assert.Equal(t, run(t, g, "stat", "-c", "%a %U", "/etc/placed"), "640 root\n")
	assert.Equal(t, run(t, g, "cat", "/opt/link"), "placed")

	until(t, g, "test", "-b", "/dev/sr0")
	open, err := g.Ejected(ctx)
	assert.NilError(t, err)
	assert.Assert(t, !open)
	run(t, g, "/lib/udev/cdrom_id", "--eject-media", "/dev/sr0")
	open, err = g.Ejected(ctx)
	assert.NilError(t, err)
	assert.Assert(t, open)

	disks := strings.Fields(run(t, g, "lsblk", "-dno", "NAME,SIZE,SERIAL", "/dev/sdb", "/dev/sdc"))
	assert.DeepEqual(t, disks, []string{"sdb", "64M", "resource", "sdc", "8M", "data0"})

	start := time.Now()
	assert.NilError(t, g.Save(ctx, "early"))
	t.Log("saved in", time.Since(start))
	run(t, g, "touch", "/root/later")
	start = time.Now()
	assert.NilError(t, g.Load(ctx, "early"))
	t.Log("loaded in", time.Since(start))
	assert.Equal(t, run(t, g, "ls", "/root"), "")

	until(t, g, "ip", "link", "show", "eth0")
	assert.NilError(t, g.SetLink(ctx, 0, false))
	until(t, g, "grep", "-q", "0", "/sys/class/net/eth0/carrier")
	assert.NilError(t, g.SetLink(ctx, 0, true))
	nic, err := g.AddNIC(ctx, nil, g.IP().Next())
	assert.NilError(t, err)
	until(t, g, "grep", "-q", nic.MAC.String(), "/sys/class/net/eth1/address")
	assert.NilError(t, g.RemoveNIC(ctx, 0))
	until(t, g, "test", "!", "-e", "/sys/class/net/eth0")

	run(t, g, "dd", "if=/dev/urandom", "of=/dev/sdb", "bs=1M", "count=1", "status=none")
	assert.NilError(t, g.Redeploy(ctx))
	assert.Assert(t, cmp.Equal(strings.Trim(run(t, g, "head", "-c", "1000000", "/dev/sdb"), "\x00"), ""))
	assert.Equal(t, run(t, g, "cat", "/etc/placed"), "placed")
}

// UEFI guests know their id as the fabric does; BIOS guests see its first three fields byte-swapped.
func TestAGen2GuestStartsByUEFI(t *testing.T) {
	needQEMU(t)
	if err := uefi(t.TempDir(), amd64); err != nil {
		t.Skip(err)
	}
	g := bootDebian(t, vnet.Options{}, Spec{Gen: 2})
	run(t, g, "test", "-d", "/sys/firmware/efi")
	assert.Equal(t, run(t, g, "cat", "/sys/class/dmi/id/product_uuid"), "3c2b6a4f-0000-0040-8000-000000000001\n")
}

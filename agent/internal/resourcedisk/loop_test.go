package resourcedisk

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/config"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/machine"
)

// loopDisk is a real block device over a file, with everything around it that Activate needs.
type loopDisk struct {
	Options
	t      *testing.T
	device string
	log    *bytes.Buffer
}

func newLoopDisk(t *testing.T, mb int64, content memory) *loopDisk {
	t.Helper()
	m := host.New("/", nil)
	if os.Geteuid() != 0 || !m.Has("losetup") {
		t.Skip("loop devices need root and losetup")
	}
	dir := t.TempDir()
	image := filepath.Join(dir, "image")
	assert.NilError(t, os.WriteFile(image, content, 0o600))
	assert.NilError(t, os.Truncate(image, mb*mebibyte))
	res, err := m.Run(t.Context(), machine.Command{Argv: []string{"losetup", "--find", "--show", "--partscan", image}})
	if err != nil {
		t.Skip("no loop devices here: ", err)
	}
	d := &loopDisk{t: t, device: strings.TrimSpace(string(res.Stdout)), log: &bytes.Buffer{}}
	files := host.Files{Root: "/"}
	d.Options = Options{
		Config: config.ResourceDisk{Format: true, Filesystem: "ext4", MountPoint: filepath.Join(dir, "mnt")},
		LibDir: filepath.Join(dir, "lib"), Files: files, Machine: m, Disks: host.Disks{Files: files},
		Log: slog.New(slog.NewTextHandler(d.log, nil)), Release: m.Release(),
	}
	t.Cleanup(func() {
		d.forget()
		_, err := m.Run(context.WithoutCancel(t.Context()), machine.Command{Argv: []string{"losetup", "--detach", d.device}})
		assert.Check(t, err)
	})
	return d
}

// forget is a reboot: swap is off, nothing is mounted.
func (d *loopDisk) forget() {
	ctx := context.WithoutCancel(d.t.Context())
	swapfile := filepath.Join(d.Config.MountPoint, "swapfile")
	if d.swappedOn(swapfile) {
		assert.Check(d.t, d.run(ctx, "swapoff", swapfile))
	}
	if mounted, err := d.mountOf(d.device); err == nil && mounted.Target != "" {
		assert.Check(d.t, d.Machine.Unmount(ctx, mounted.Target))
	}
}

func (d *loopDisk) activate() (Result, error) {
	return d.use(d.t.Context(), candidate{device: d.device})
}

func (d *loopDisk) must() Result {
	d.t.Helper()
	res, err := d.activate()
	assert.NilError(d.t, err, "%s", d.log)
	return res
}

func (d *loopDisk) write(name, text string) {
	d.t.Helper()
	assert.NilError(d.t, os.WriteFile(filepath.Join(d.Config.MountPoint, name), []byte(text), 0o644))
}

func (d *loopDisk) has(name string) bool {
	_, err := os.Stat(filepath.Join(d.Config.MountPoint, name))
	return err == nil
}

func TestABlankDiskIsFormattedOnceAndKept(t *testing.T) {
	d := newLoopDisk(t, 64, nil)
	res := d.must()
	assert.DeepEqual(t, res, Result{Device: d.device, Partition: d.device + "p1", Filesystem: "ext4",
		MountPoint: d.Config.MountPoint, Formatted: true})
	assert.Assert(t, d.has(noticeName))
	d.write("work", "of today")

	again := d.must()
	assert.Assert(t, again.Adopted && !again.Formatted)

	d.forget()
	again = d.must()
	assert.Assert(t, !again.Adopted && !again.Formatted)
	assert.Assert(t, d.has("work"))
}

func TestAnotherFilesystemThanTheConfiguredOneIsKept(t *testing.T) {
	d := newLoopDisk(t, 64, nil)
	d.must()
	d.forget()
	d.Config.Filesystem = "xfs"
	res := d.must()
	assert.Equal(t, res.Filesystem, "ext4")
	assert.Assert(t, !res.Formatted)
}

func TestADamagedFilesystemOfOursIsFormattedAgain(t *testing.T) {
	d := newLoopDisk(t, 64, nil)
	d.must()
	d.forget()
	f, err := os.OpenFile(d.device, os.O_RDWR, 0)
	assert.NilError(t, err)
	_, err = f.WriteAt(bytes.Repeat([]byte{0xA5}, 256<<10), mebibyte+2048) // the group descriptors, not the superblock
	assert.NilError(t, err)
	assert.NilError(t, f.Close())
	res := d.must()
	assert.Assert(t, res.Formatted)
	assert.Assert(t, strings.Contains(d.log.String(), "is damaged"), d.log)

	d.forget()
	assert.NilError(t, os.RemoveAll(d.LibDir)) // the same disk, formatted by nobody we know
	f, err = os.OpenFile(d.device, os.O_RDWR, 0)
	assert.NilError(t, err)
	_, err = f.WriteAt(bytes.Repeat([]byte{0xA5}, 256<<10), mebibyte+2048)
	assert.NilError(t, err)
	assert.NilError(t, f.Close())
	_, err = d.activate()
	assert.ErrorContains(t, err, "is left alone: its ext4 filesystem cannot be mounted")
}

func TestRefusedMountOptionsDoNotCostTheData(t *testing.T) {
	d := newLoopDisk(t, 64, nil)
	d.must()
	d.write("work", "of today")
	d.forget()
	d.Config.MountOptions = "noatime,nosuchoption"
	res := d.must()
	assert.Assert(t, !res.Formatted && d.has("work"))
	assert.Assert(t, strings.Contains(d.log.String(), "MountOptions are refused"))
}

// platformDisk is the disk as the platform hands it out.
func platformDisk(t *testing.T, k kind, names ...string) memory {
	t.Helper()
	disk := make(memory, 16*mebibyte)
	tab, err := newTable(k, int64(len(disk)))
	assert.NilError(t, err)
	assert.NilError(t, writeTable(disk, tab, int64(len(disk)), 512))
	if k == mbr {
		disk[446+4] = 7
	}
	copy(disk[mebibyte:], ntfsDisk(t, names...))
	return disk
}

func TestThePlatformsDiskIsTakenOver(t *testing.T) {
	for _, k := range []kind{mbr, gpt} {
		for _, fs := range []string{"ext4", "btrfs"} {
			t.Run(string(k)+" "+fs, func(t *testing.T) {
				d := newLoopDisk(t, 512, platformDisk(t, k, noticeName))
				d.Config.Filesystem = fs
				if !d.Machine.Has("mkfs." + fs) {
					t.Skip("no mkfs." + fs)
				}
				res := d.must()
				assert.Assert(t, res.Formatted)
				assert.Equal(t, res.Filesystem, fs)
				f, err := os.Open(d.device)
				assert.NilError(t, err)
				defer f.Close()
				tab, err := readTable(f, 512*mebibyte, 512)
				assert.NilError(t, err)
				assert.Equal(t, tab.Kind, k)
				assert.Equal(t, tab.Parts[0].Start+tab.Parts[0].Length, int64(511*mebibyte))
			})
		}
	}
}

func TestADiskWithSomebodysFilesIsLeftAlone(t *testing.T) {
	d := newLoopDisk(t, 16, platformDisk(t, mbr, noticeName, "thesis.docx"))
	before, err := os.ReadFile(d.device)
	assert.NilError(t, err)
	_, err = d.activate()
	assert.ErrorContains(t, err, `is left alone: its NTFS filesystem holds ["thesis.docx"]`)
	after, err := os.ReadFile(d.device)
	assert.NilError(t, err)
	assert.Assert(t, bytes.Equal(before, after))
}

func TestNTFSFormatsNothing(t *testing.T) {
	d := newLoopDisk(t, 16, nil)
	d.Config.Filesystem = "ntfs"
	_, err := d.activate()
	assert.ErrorContains(t, err, "formats nothing")
}

func TestCloudInitsMountIsAdopted(t *testing.T) {
	d := newLoopDisk(t, 64, nil)
	configured := d.Config.MountPoint
	d.Config.MountPoint = configured + "-of-cloud-init"
	d.must()
	d.Config.MountPoint, d.AdoptOnly = configured, true
	res := d.must()
	assert.Equal(t, res.MountPoint, configured+"-of-cloud-init")
	assert.Assert(t, res.Adopted)
	d.forget()
	_, err := d.activate()
	assert.ErrorContains(t, err, "is not mounted, and cloud-init looks after")
}

func TestWithoutMkfsTheDiskStaysAsItIs(t *testing.T) {
	d := newLoopDisk(t, 16, nil)
	d.Config.Filesystem = "nosuchfs"
	_, err := d.activate()
	assert.ErrorContains(t, err, "mkfs.nosuchfs is not installed")
	f, err := os.Open(d.device)
	assert.NilError(t, err)
	defer f.Close()
	assert.Assert(t, blank(f, 0, 16*mebibyte))
}

func TestSwapIsExactlyAsLargeAsConfigured(t *testing.T) {
	for _, fs := range []string{"ext3", "ext4", "xfs", "btrfs"} {
		t.Run(fs, func(t *testing.T) {
			d := newLoopDisk(t, 512, nil)
			if !d.Machine.Has("mkfs." + fs) {
				t.Skip("no mkfs." + fs)
			}
			d.Config.Filesystem, d.Config.EnableSwap, d.Config.SwapSizeMB = fs, true, 70
			res := d.must()
			swapfile := filepath.Join(d.Config.MountPoint, "swapfile")
			assert.Equal(t, res.Swap, swapfile)
			info, err := os.Stat(swapfile)
			assert.NilError(t, err)
			assert.Equal(t, info.Size(), int64(70*mebibyte))
			assert.Equal(t, info.Mode().Perm(), os.FileMode(0o600))
			assert.Assert(t, d.swappedOn(swapfile))

			d.must() // nothing to do
			d.forget()
			d.must()
			same, err := os.Stat(swapfile)
			assert.NilError(t, err)
			assert.Assert(t, os.SameFile(info, same) && same.ModTime().Equal(info.ModTime()), "made again at the next boot: %s", d.log)

			d.Config.SwapSizeMB = 37
			res = d.must()
			assert.Equal(t, res.SwapSizeMB, 37)
			assert.Assert(t, d.swappedOn(swapfile))
		})
	}
}

func TestSwapIsCappedByTheRoomThereIs(t *testing.T) {
	d := newLoopDisk(t, 256, nil)
	d.Config.EnableSwap, d.Config.SwapSizeMB = true, 4096
	res := d.must()
	assert.Assert(t, res.SwapSizeMB > 100 && res.SwapSizeMB < 200, "%+v", res)
	assert.Assert(t, strings.Contains(d.log.String(), "smaller than ResourceDisk.SwapSizeMB"), d.log)
	d.write("more", strings.Repeat("x", 20*mebibyte))
	d.forget()
	assert.Equal(t, d.must().SwapSizeMB, res.SwapSizeMB)
}

// TestAnNVMeDiskIsUsedOnlyWhenItWasBlank: nobody but the guest ever writes to such a disk, so what is on it is somebody's.
func TestAnNVMeDiskIsUsedOnlyWhenItWasBlank(t *testing.T) {
	noise := make(memory, 16*mebibyte)
	for i := range noise {
		noise[i] = byte(i>>9) | 1
	}
	for name, c := range map[string]memory{"the platform's NTFS": platformDisk(t, gpt, noticeName), "unknown data": noise} {
		t.Run(name, func(t *testing.T) {
			d := newLoopDisk(t, 64, c)
			_, err := d.use(t.Context(), candidate{device: d.device, nvme: true})
			assert.ErrorContains(t, err, "is left alone")
			after := make(memory, len(c))
			f, err := os.Open(d.device)
			assert.NilError(t, err)
			defer f.Close()
			_, err = io.ReadFull(f, after)
			assert.NilError(t, err)
			assert.Assert(t, bytes.Equal(after, c), "the disk was changed")
		})
	}
	t.Run("somebody's filesystem, mounted or not", func(t *testing.T) {
		d := newLoopDisk(t, 64, nil)
		d.must()
		assert.NilError(t, os.Remove(filepath.Join(d.Config.MountPoint, noticeName)))
		assert.NilError(t, os.RemoveAll(d.LibDir)) // now it is somebody else's
		_, err := d.use(t.Context(), candidate{device: d.device, nvme: true})
		assert.ErrorContains(t, err, "somebody has mounted it")
		assert.Assert(t, !d.has(noticeName))
		d.forget()
		_, err = d.use(t.Context(), candidate{device: d.device, nvme: true})
		assert.ErrorContains(t, err, "NVMe disks are used only when they are blank")
	})
	t.Run("blank, then ours", func(t *testing.T) {
		d := newLoopDisk(t, 64, nil)
		nvme := candidate{device: d.device, nvme: true}
		res, err := d.use(t.Context(), nvme)
		assert.NilError(t, err)
		assert.Assert(t, res.Formatted)
		res, err = d.use(t.Context(), nvme)
		assert.NilError(t, err)
		assert.Assert(t, res.Adopted)
		d.forget()
		res, err = d.use(t.Context(), nvme)
		assert.NilError(t, err)
		assert.Assert(t, !res.Formatted && d.has(noticeName))
	})
}

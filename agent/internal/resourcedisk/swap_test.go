package resourcedisk

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/config"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
)

func TestTheQuickestWayThatKernelAndFilesystemBear(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fs, release string
		way         fileWay
		err         string
	}{
		{"ext4", "3.10.0-1160.el7.x86_64", allocate, ""}, {"ext3", "6.1.0", zeroFill, ""}, {"xfs", "4.17.9", zeroFill, ""},
		{"xfs", "4.18.0-553.el8", allocate, ""}, {"btrfs", "4.12.14-default", 0, "cannot swap on btrfs"}, {"btrfs", "5.14.21", allocateNoCOW, ""},
		{"vfat", "6.1.0", zeroFill, ""}, {"xfs", "", zeroFill, ""},
	} {
		way, err := wayFor(c.fs, c.release)
		if c.err != "" {
			assert.ErrorContains(t, err, c.err)
			continue
		}
		assert.NilError(t, err)
		assert.Equal(t, way, c.way, "%s on %s", c.fs, c.release)
	}
}

// swapper is a mounted disk on a machine that answers the given commands.
func swapper(t *testing.T, answers ...hosttest.Answer) (Options, *hosttest.Script, *bytes.Buffer) {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"/mnt/resource", "/proc", "/dev/mapper"} {
		assert.NilError(t, os.MkdirAll(root+dir, 0o755))
	}
	m := hosttest.New(t, root, answers...)
	var log bytes.Buffer
	return Options{Config: config.ResourceDisk{SwapSizeMB: 2}, Files: m.Files(), Machine: m, Disks: freeDisk{host.Disks{Files: m.Files()}},
		Log: slog.New(slog.NewTextHandler(&log, nil)), Release: "6.1.0"}, m, &log
}

var mounted = Result{MountPoint: "/mnt/resource", Filesystem: "ext4"}

const swapfile = "/mnt/resource/swapfile"

func TestAFileThatCannotBeSwappedOnIsWrittenOut(t *testing.T) {
	t.Parallel()
	refused := hosttest.Fail("swapon "+swapfile, 255, "swapon: Invalid argument")
	refused.Once = true
	o, m, log := swapper(t, hosttest.OK("mkswap "+swapfile, ""), refused, hosttest.OK("swapon "+swapfile, ""))
	used, size, err := o.swap(t.Context(), mounted)
	assert.NilError(t, err)
	assert.Equal(t, used, swapfile)
	assert.Equal(t, size, 2)
	assert.Equal(t, len(m.Calls()), 4)
	assert.Assert(t, strings.Contains(log.String(), "the quick way does not work here"))
}

// slowDisk takes a second for each write.
type slowDisk struct{ written int64 }

func (d *slowDisk) Write(p []byte) (int, error) {
	time.Sleep(time.Second)
	d.written += int64(len(p))
	return len(p), nil
}

func TestWritingTheSwapFileOutSaysHowFarItIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		o, d := Options{Log: slog.New(slog.NewTextHandler(&log, nil))}, &slowDisk{}
		assert.NilError(t, o.fill(t.Context(), d, 12*fillChunk+1))
		assert.Equal(t, d.written, int64(12*fillChunk+1))
		assert.Equal(t, strings.Count(log.String(), "writing the swap file"), 2, "%s", &log)
		assert.Assert(t, strings.Contains(log.String(), "percent=41 took=5s") && strings.Contains(log.String(), "percent=83 took=10s"), "%s", &log)

		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		d.written = 0
		assert.ErrorIs(t, o.fill(ctx, d, 12*fillChunk), context.DeadlineExceeded)
		assert.Assert(t, d.written <= 4*fillChunk)
	})
}

func TestWhatIsSwappedOnAlreadyIsLeftAlone(t *testing.T) {
	t.Parallel()
	o, m, _ := swapper(t)
	assert.NilError(t, o.Files.WriteAtomic(swapfile, make([]byte, 2*mebibyte), 0o644))
	assert.NilError(t, o.Files.WriteAtomic("/proc/swaps", []byte("Filename\t\t\tType\n"+swapfile+" file 2044 0 -2\n"), 0o444))
	_, _, err := o.swap(t.Context(), mounted)
	assert.NilError(t, err)
	assert.Equal(t, len(m.Calls()), 0)
	info, err := o.Files.Stat(swapfile)
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o600))
}

func TestEncryptedSwapGetsAKeyThatNobodyKnows(t *testing.T) {
	t.Parallel()
	const open = "cryptsetup open --type plain --cipher aes-xts-plain64 --key-size 512 --key-file /dev/urandom " + swapfile + " waagent-swap"
	o, m, _ := swapper(t, hosttest.OK(open, ""), hosttest.OK("mkswap /dev/mapper/waagent-swap", ""), hosttest.OK("swapon /dev/mapper/waagent-swap", ""))
	o.Config.EnableSwapEncryption = true
	used, _, err := o.swap(t.Context(), mounted)
	assert.NilError(t, err)
	assert.Equal(t, used, "/dev/mapper/waagent-swap")
	assert.Equal(t, len(m.Calls()), 3)

	o, m, _ = swapper(t, hosttest.Missing("cryptsetup"))
	o.Config.EnableSwapEncryption = true
	_, _, err = o.swap(t.Context(), mounted)
	assert.ErrorContains(t, err, "needs cryptsetup")
	assert.Equal(t, len(m.Calls()), 0, "no page may reach the disk in the clear")
	assert.Assert(t, !o.Files.Exists(swapfile))
}

func TestAFolderNamedSwapfileIsNobodysToDelete(t *testing.T) {
	t.Parallel()
	o, _, _ := swapper(t)
	assert.NilError(t, o.Files.MkdirAll(swapfile, 0o755))
	_, _, err := o.swap(t.Context(), mounted)
	assert.ErrorContains(t, err, "is left alone")
	assert.Assert(t, o.Files.Exists(swapfile))
}

// withDisk puts a resource disk, mounted at /mnt/resource, under the machine.
func withDisk(t *testing.T, o Options, m *hosttest.Script) {
	t.Helper()
	assert.NilError(t, os.MkdirAll(o.Files.Root+"/dev/disk/azure", 0o755))
	assert.NilError(t, os.Symlink("../../sdb", o.Files.Root+azureLink))
	assert.NilError(t, o.Files.WriteAtomic("/dev/sdb", nil, 0o600))
	assert.NilError(t, m.Mount(t.Context(), "/dev/sdb1", "/mnt/resource", "ext4", ""))
}

func TestLeavingTakesBackWhatThisAgentMade(t *testing.T) {
	t.Parallel()
	const readme = "/mnt/resource/" + noticeName
	for name, c := range map[string]struct {
		swap    bool
		text    string // of the notice
		answers []hosttest.Answer
		swaps   string // what /proc/swaps lists
		mapped  bool
		traces  []string
		calls   []string
	}{
		"swap and notice": {
			swap: true, text: notice, answers: []hosttest.Answer{hosttest.OK("swapoff "+swapfile, "")}, swaps: swapfile,
			traces: []string{swapfile, readme}, calls: []string{"swapoff " + swapfile},
		},
		"encrypted swap": {
			swap: true, answers: []hosttest.Answer{hosttest.OK("swapoff /dev/mapper/waagent-swap", ""), hosttest.OK("cryptsetup close waagent-swap", "")},
			swaps: "/dev/dm-0", mapped: true, traces: []string{swapfile},
			calls: []string{"swapoff /dev/mapper/waagent-swap", "cryptsetup close waagent-swap"},
		},
		"swap that nobody asked us for, and another text": {text: "mine\n", swaps: swapfile},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, m, _ := swapper(t, c.answers...)
			withDisk(t, o, m)
			o.Config.EnableSwap = c.swap
			assert.NilError(t, o.Files.WriteAtomic(swapfile, make([]byte, mebibyte), 0o600))
			assert.NilError(t, o.Files.WriteAtomic("/mnt/resource/work", nil, 0o600))
			assert.NilError(t, o.Files.WriteAtomic("/proc/swaps", []byte(c.swaps+" file 1020 0 -2\n"), 0o444))
			if c.text != "" {
				assert.NilError(t, o.Files.WriteAtomic(readme, []byte(c.text), 0o644))
			}
			if c.mapped {
				assert.NilError(t, o.Files.WriteAtomic("/dev/dm-0", nil, 0o600))
				assert.NilError(t, os.Symlink("../dm-0", o.Files.Root+"/dev/mapper/waagent-swap"))
			}
			assert.DeepEqual(t, Traces(t.Context(), o), c.traces)
			assert.NilError(t, Leave(t.Context(), o))
			assert.DeepEqual(t, m.Calls(), c.calls)
			for _, gone := range c.traces {
				assert.Assert(t, !o.Files.Exists(gone), gone)
			}
			assert.Assert(t, o.Files.Exists("/mnt/resource/work"))
			assert.Equal(t, o.Files.Exists(swapfile), !c.swap)
			assert.Equal(t, o.Files.Exists(readme), c.text == "mine\n")
			mounts, err := m.Mounts()
			assert.NilError(t, err)
			assert.Equal(t, len(mounts), 1)
		})
	}
	o, m, _ := swapper(t)
	assert.NilError(t, Leave(t.Context(), o), "a VM without the disk")
	assert.Equal(t, len(m.Calls()), 0)
}

func TestAMountIsKnownByWhateverNameItHas(t *testing.T) {
	t.Parallel()
	o, m, _ := swapper(t)
	link := func(to, from string) { assert.NilError(t, os.Symlink(to, o.Files.Root+from)) }
	assert.NilError(t, os.MkdirAll(o.Files.Root+"/dev/.host", 0o755))
	assert.NilError(t, o.Files.WriteAtomic("/dev/.host/loop1p1", nil, 0o600))
	assert.NilError(t, o.Files.WriteAtomic("/dev/sdb1", nil, 0o600))
	link(".host/loop1p1", "/dev/loop1p1") // a container's
	link("sdb1", "/dev/by-label")
	o.Config.MountPoint = "/mnt/resource"
	for device, source := range map[string]string{"/dev/loop1": "/dev/loop1p1", "/dev/sdb": "/dev/by-label"} {
		assert.NilError(t, m.Mount(t.Context(), source, "/mnt/resource", "ext4", ""))
		found, err := o.mountOf(device)
		assert.NilError(t, err)
		assert.Equal(t, found.Source, source)
		assert.NilError(t, m.Unmount(t.Context(), "/mnt/resource"))
	}
}

func TestFormattingSwitchedOffDoesNothing(t *testing.T) {
	t.Parallel()
	o, _, log := swapper(t)
	o.Config.EnableSwap = true
	res, err := Activate(t.Context(), o)
	assert.NilError(t, err)
	assert.DeepEqual(t, res, Result{})
	assert.Assert(t, strings.Contains(log.String(), "no effect without ResourceDisk.Format"))
	o.Config.Format = true
	_, err = Activate(t.Context(), o)
	assert.Assert(t, errors.Is(err, ErrNoDisk))
}

package scvmm

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
	"github.com/waagent-go/waagent/agent/machine"
)

// detector has two drives, of which sr1 holds the given files.
func detector(t *testing.T, files ...string) (*Detector, *hosttest.Script, *[][]string) {
	t.Helper()
	root := t.TempDir()
	for _, name := range []string{"/dev/sr0", "/dev/sr1", "/dev/sda"} {
		assert.NilError(t, os.MkdirAll(filepath.Dir(root+name), 0o755))
		assert.NilError(t, os.WriteFile(root+name, nil, 0o644))
	}
	m := hosttest.New(t, root)
	m.OnMount = func(mount machine.Mount) error {
		if mount.Source != "/dev/sr1" {
			return errors.New("no medium")
		}
		for _, f := range files {
			assert.NilError(t, os.WriteFile(root+"/mnt/cdrom/secure/"+f, nil, 0o644))
		}
		return nil
	}
	var started [][]string
	return &Detector{Files: m.Files(), Machine: m, MountPoint: "/mnt/cdrom/secure", Release: "6.1.0", Log: slog.New(slog.DiscardHandler),
		Start: func(argv []string) error { started = append(started, argv); return nil }}, m, &started
}

func TestSystemCentersInstallerIsStarted(t *testing.T) {
	t.Parallel()
	d, m, started := detector(t, marker, "install")
	found, err := d.Detect(t.Context())
	assert.NilError(t, err)
	assert.Assert(t, found)
	assert.DeepEqual(t, *started, [][]string{{"/bin/bash", "/mnt/cdrom/secure/install", "-p /mnt/cdrom/secure"}})
	mounts, err := m.Mounts()
	assert.NilError(t, err)
	assert.Equal(t, len(mounts), 1)
}

func TestAnotherDVDIsLeftAsItWas(t *testing.T) {
	t.Parallel()
	d, m, started := detector(t, "ovf-env.xml")
	found, err := d.Detect(t.Context())
	assert.NilError(t, err)
	assert.Assert(t, !found)
	assert.Equal(t, len(*started), 0)
	mounts, err := m.Mounts()
	assert.NilError(t, err)
	assert.Equal(t, len(mounts), 0)
}

func TestTheIDEDriverIsLoadedWhereItIsAModule(t *testing.T) {
	t.Parallel()
	d, m, _ := detector(t)
	const module = "/lib/modules/6.1.0/kernel/drivers/ata/ata_piix.ko"
	assert.NilError(t, d.Files.MkdirAll(filepath.Dir(module), 0o755))
	assert.NilError(t, d.Files.WriteAtomic(module, nil, 0o644))
	m.Add(hosttest.Fail("insmod "+module, 1, "insmod: ERROR: could not insert module: File exists"))
	_, err := d.Detect(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, len(m.Calls()), 1)
}

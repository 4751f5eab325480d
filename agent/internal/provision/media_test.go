package provision

import (
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/agent/machine"
)

func TestEveryOpticalDriveIsListedOnce(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	for _, name := range []string{"sr1", "sr10", "hdc", "hda", "cd0", "vdb", "vdb1", "vda", "sda", "sr0p", "cdromx"} {
		put(t, v.Files, "/dev/"+name, "")
	}
	assert.NilError(t, os.Symlink("sr0", filepath.Join(v.Files.Root, "dev/cdrom")))
	assert.DeepEqual(t, v.drives(), []string{"/dev/sr0", "/dev/sr1", "/dev/sr10", "/dev/hdc", "/dev/cd0", "/dev/vdb"})
}

func TestEmptyAndOtherDrivesAreSkipped(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	put(t, v.Files, "/dev/sr0", "") // empty: nothing can be read
	put(t, v.Files, "/dev/sr1", strings.Repeat("a film", 100))
	put(t, v.Files, "/dev/vdb", strings.Repeat("the disc", 100))
	v.m.OnMount = func(m machine.Mount) error {
		if m.Source == "/dev/vdb" {
			m.Source = "/dev/sr0"
			return v.mount(m)
		}
		return v.Files.Remove(m.Target + "/ovf-env.xml")
	}
	_, err := v.Run(t.Context())
	assert.NilError(t, err)
	assert.Assert(t, cmp.Contains(v.log.String(), "device=/dev/vdb"))
	assert.Assert(t, cmp.Contains(v.log.String(), "/dev/sr0 reason=\"the drive is empty or cannot be read"))
	assert.Assert(t, cmp.Contains(v.log.String(), "/dev/sr1 reason=\"it holds no ovf-env.xml"))
	assert.Equal(t, len(v.m.Ejected()), 0) // a disk has no tray
}

func TestADriveThatComesLateIsFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newVM(t)
		assert.NilError(t, v.Files.Remove("/dev/sr0"))
		time.AfterFunc(5*time.Second, func() { put(t, v.Files, "/dev/sr0", strings.Repeat("x", 600)) })
		begun := time.Now()
		_, err := v.Run(t.Context())
		assert.NilError(t, err)
		assert.Equal(t, time.Since(begun), 7*time.Second)
	})
}

func TestAMountedDiscIsReadWhereItIs(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	assert.NilError(t, v.Files.MkdirAll("/media/cdrom", 0o755))
	assert.NilError(t, v.m.Mount(t.Context(), "/dev/sr0", "/media/cdrom", "udf", "ro"))
	_, err := v.Run(t.Context())
	assert.NilError(t, err)
	mounts, err := v.m.Mounts()
	assert.NilError(t, err)
	assert.Equal(t, len(mounts), 1) // whoever mounted it may still want it
	assert.Assert(t, cmp.Contains(v.log.String(), "filesystem=udf reader=kernel"))
}

func TestADiscLeftMountedByADeadAgentIsUnmounted(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	assert.NilError(t, v.Files.MkdirAll("/mnt/cdrom/secure", 0o755))
	assert.NilError(t, v.m.Mount(t.Context(), "/dev/sr0", "/mnt/cdrom/secure", "udf", "ro"))
	_, err := v.Run(t.Context())
	assert.NilError(t, err)
	checkProvisioned(t, v)
}

// The image is of a program that is not ours, and its document has no content: that it is understood to be empty shows that
// it was read.
func TestTheAgentReadsADiscThatTheKernelCannot(t *testing.T) {
	t.Parallel()
	for image, filesystem := range map[string]string{"kernel-hd-2048-1.02.udf.gz": "udf", "joliet.iso.gz": "iso9660"} {
		v := newVM(t)
		f, err := os.Open(filepath.Join("../../media/testdata", image))
		assert.NilError(t, err)
		t.Cleanup(func() { f.Close() })
		z, err := gzip.NewReader(f)
		assert.NilError(t, err)
		data, err := io.ReadAll(z)
		assert.NilError(t, err)
		put(t, v.Files, "/dev/sr0", string(data))
		v.m.OnMount = func(machine.Mount) error { return errors.New("as udf: unknown filesystem type") }
		_, err = v.Run(t.Context())
		assert.ErrorContains(t, err, "understand the provisioning media: ovf-env.xml: missing or empty: ProvisioningSection")
		assert.Assert(t, cmp.Contains(v.log.String(), "filesystem="+filesystem+" reader=agent"))
	}
}

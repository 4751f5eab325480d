package host

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

func TestMountOptionsAreFlagsAndData(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		flags uintptr
		data  string
	}{
		{"", 0, ""},
		{"defaults,nofail,x-systemd.requires=cloud-init.service,_netdev,comment=cloudconfig", 0, ""},
		{"ro,noexec,nosuid", unix.MS_RDONLY | unix.MS_NOEXEC | unix.MS_NOSUID, ""},
		{"ro, rw,discard,noatime", unix.MS_NOATIME, "discard"},
		{"subvol=@,compress=zstd", 0, "subvol=@,compress=zstd"},
	} {
		flags, data := mountOptions(c.text)
		assert.Equal(t, flags, c.flags, c.text)
		assert.Equal(t, data, c.data, c.text)
	}
}

func TestMountTriesTypesInOrderAndIsSeenAndUndone(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	root := t.TempDir()
	assert.NilError(t, os.Mkdir(filepath.Join(root, "mnt"), 0o755))
	m := New(root, nil)
	err := m.Mount(t.Context(), "none", "/mnt", "nosuchfs,tmpfs", "size=1m,noexec")
	if err != nil {
		t.Skip("no mounts here: ", err)
	}
	mounts, err := m.Mounts()
	assert.NilError(t, err)
	assert.Equal(t, len(mounts), 1)
	assert.Equal(t, mounts[0].Target, "/mnt")
	assert.Equal(t, mounts[0].Type, "tmpfs")
	assert.NilError(t, m.Unmount(t.Context(), "/mnt"))
	mounts, err = m.Mounts()
	assert.NilError(t, err)
	assert.Equal(t, len(mounts), 0)
}

func TestMountNamesWhatItTried(t *testing.T) {
	t.Parallel()
	err := New(t.TempDir(), nil).Mount(t.Context(), "/dev/nothing", "/", "nosuchfs", "")
	assert.ErrorContains(t, err, "mount /dev/nothing at /: as nosuchfs: ")
}

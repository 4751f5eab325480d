package serialconsole

import (
	"log/slog"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/distro"
	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
)

func TestTheLoadersToolsRunOnce(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t, t.TempDir(), hosttest.Fail("update-grub", 1, "no device"), hosttest.Missing("grubby"))
	files := m.Files()
	assert.NilError(t, files.MkdirAll("/etc/default", 0o755))
	family := distro.Lookup(distro.Info{ID: "debian", Version: "12"})
	log := slog.New(slog.DiscardHandler)
	assert.ErrorContains(t, Enable(t.Context(), files, m, family, "x", log), "boot loader")
	assert.NilError(t, files.WriteAtomic("/etc/default/grub", []byte("GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n"), 0o600))
	for range 2 {
		assert.NilError(t, Enable(t.Context(), files, m, family, Options("amd64"), log))
	}
	assert.DeepEqual(t, m.Calls(), []string{"update-grub"})
	data, err := files.ReadFile("/etc/default/grub")
	assert.NilError(t, err)
	assert.Equal(t, string(data), "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet console=ttyS0 earlyprintk=ttyS0\"\n")
}

// TestEveryRowsLoaderIsKnown: what a row of the table says about GRUB is what the editor does.
func TestEveryRowsLoaderIsKnown(t *testing.T) {
	t.Parallel()
	for _, d := range []distro.Info{
		{ID: "debian", Version: "13"}, {ID: "ubuntu", Version: "24.04"}, {ID: "rhel", Version: "9.4"}, {ID: "fedora", Version: "41"},
		{ID: "sles", Version: "15.6", FullName: "SLES"}, {ID: "azurelinux", Version: "3.0"}, {ID: "gentoo"}, {ID: "arch"},
	} {
		m := hosttest.New(t, t.TempDir(), hosttest.OK("update-grub", ""))
		files := m.Files()
		family := distro.Lookup(d)
		assert.NilError(t, files.MkdirAll("/etc/default", 0o755))
		assert.NilError(t, files.WriteAtomic("/etc/default/grub", []byte("A=1\n"), 0o644))
		assert.NilError(t, Enable(t.Context(), files, m, family, Options("amd64"), slog.New(slog.DiscardHandler)))
		data, err := files.ReadFile("/etc/default/grub")
		assert.NilError(t, err)
		assert.Equal(t, string(data), "A=1\n"+family.Grub.Selector+"\"console=ttyS0 earlyprintk=ttyS0\"\n", d.ID)
	}
}

func TestFreeBSDsLoaderIsConfigured(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t, t.TempDir())
	files := m.Files()
	assert.NilError(t, files.MkdirAll("/boot", 0o755))
	const before = "console=\"vidconsole\"\nzfs_load=\"YES\"\n"
	assert.NilError(t, files.WriteAtomic(bsdLoader, []byte(before), 0o644))
	for range 2 {
		assert.NilError(t, Enable(t.Context(), files, m, distro.Lookup(distro.Info{ID: "freebsd"}), "", slog.New(slog.DiscardHandler)))
	}
	data, err := files.ReadFile(bsdLoader)
	assert.NilError(t, err)
	assert.Equal(t, string(data), "console=\"comconsole,vidconsole\"\nzfs_load=\"YES\"\nboot_multicons=\"YES\"\nboot_serial=\"YES\"\ncomconsole_speed=\"115200\"\n")
	kept, err := files.ReadFile(bsdLoader + ".waagent-backup")
	assert.NilError(t, err)
	assert.Equal(t, string(kept), before)
}

package serialconsole

import (
	"log/slog"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
)

func TestTheLoadersToolsRunOnce(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t, t.TempDir(), hosttest.Fail("update-grub", 1, "no device"), hosttest.Missing("grubby"))
	files := m.Files()
	assert.NilError(t, files.MkdirAll("/etc/default", 0o755))
	log := slog.New(slog.DiscardHandler)
	assert.ErrorContains(t, Enable(t.Context(), files, m, "x", log), "boot loader")
	assert.NilError(t, files.WriteAtomic("/etc/default/grub", []byte("GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n"), 0o600))
	for range 2 {
		assert.NilError(t, Enable(t.Context(), files, m, Options("amd64"), log))
	}
	assert.DeepEqual(t, m.Calls(), []string{"update-grub"})
	data, err := files.ReadFile("/etc/default/grub")
	assert.NilError(t, err)
	assert.Equal(t, string(data), "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet console=ttyS0 earlyprintk=ttyS0\"\n")
}

// TestTheVariableThatIsThereIsUsed: Red Hat's file has one variable, Debian's has both.
func TestTheVariableThatIsThereIsUsed(t *testing.T) {
	t.Parallel()
	const want = "console=ttyS0 earlyprintk=ttyS0"
	for before, after := range map[string]string{
		"A=1\nGRUB_CMDLINE_LINUX=\"rhgb\"\n":                                   "A=1\nGRUB_CMDLINE_LINUX=\"rhgb " + want + "\"\n",
		"A=1\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX=\"\"\n": "A=1\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet " + want + "\"\nGRUB_CMDLINE_LINUX=\"\"\n",
		"A=1\n": "A=1\nGRUB_CMDLINE_LINUX_DEFAULT=\"" + want + "\"\n",
	} {
		m := hosttest.New(t, t.TempDir(), hosttest.OK("update-grub", ""))
		files := m.Files()
		assert.NilError(t, files.MkdirAll("/etc/default", 0o755))
		assert.NilError(t, files.WriteAtomic("/etc/default/grub", []byte(before), 0o644))
		assert.NilError(t, Enable(t.Context(), files, m, Options("amd64"), slog.New(slog.DiscardHandler)))
		data, err := files.ReadFile("/etc/default/grub")
		assert.NilError(t, err)
		assert.Equal(t, string(data), after)
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
		assert.NilError(t, Enable(t.Context(), files, m, "", slog.New(slog.DiscardHandler)))
	}
	data, err := files.ReadFile(bsdLoader)
	assert.NilError(t, err)
	assert.Equal(t, string(data), "console=\"comconsole,vidconsole\"\nzfs_load=\"YES\"\nboot_multicons=\"YES\"\nboot_serial=\"YES\"\ncomconsole_speed=\"115200\"\n")
	kept, err := files.ReadFile(bsdLoader + ".waagent-backup")
	assert.NilError(t, err)
	assert.Equal(t, string(kept), before)
}

// FuzzLoaderConf: a variable of FreeBSD's loader.conf is set to the same whether once or twice, and others keep theirs.
func FuzzLoaderConf(f *testing.F) {
	f.Add("autoboot_delay=\"2\"\nconsole=\"vidconsole\"\n")
	f.Add("")
	f.Add("\n\n  console=x")
	f.Fuzz(func(t *testing.T, text string) {
		once := setVariable(text, "console", "comconsole")
		assert.Equal(t, setVariable(once, "console", "comconsole"), once)
		assert.Assert(t, strings.Contains("\n"+once, "\nconsole=\"comconsole\"\n"))
		other := setVariable(once, "boot_serial", "YES")
		assert.Assert(t, strings.Contains("\n"+other, "\nconsole=\"comconsole\"\n"))
	})
}

package serialconsole

import (
	"log/slog"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/distro"
	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
)

func TestEdit(t *testing.T) {
	t.Parallel()
	const grub, options = "GRUB_CMDLINE_LINUX_DEFAULT=", "console=ttyS0"
	tests := map[string]struct{ text, selector, want string }{
		"quoted":         {"A=1\n" + grub + "\"quiet\"\n", grub, "A=1\n" + grub + "\"quiet console=ttyS0\"\n"},
		"empty":          {grub + "\"\"\n", grub, grub + "\"console=ttyS0\"\n"},
		"single quotes":  {grub + "'quiet' \n", grub, grub + "'quiet console=ttyS0'\n"},
		"no quotes":      {grub + "quiet\n", grub, grub + "quiet console=ttyS0\n"},
		"comments stay":  {"#" + grub + "\"x\"\n" + grub + "\"\"\n", grub, "#" + grub + "\"x\"\n" + grub + "\"console=ttyS0\"\n"},
		"absent":         {"A=1\n", grub, "A=1\n" + grub + "\"console=ttyS0\"\n"},
		"already":        {grub + "\"console=ttyS0 quiet\"\n", grub, grub + "\"console=ttyS0 quiet\"\n"},
		"old menu":       {"title kernel\n\tkernel /vmlinuz ro\n", "kernel", "title kernel\n\tkernel /vmlinuz ro console=ttyS0\n"},
		"menu with none": {"title x\n", "kernel", "title x\n"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, changed := edit(tc.text, tc.selector, options)
			assert.Equal(t, got, tc.want)
			assert.Equal(t, changed, tc.text != tc.want)
			again, changed := edit(got, tc.selector, options)
			assert.Equal(t, again, got)
			assert.Assert(t, !changed)
		})
	}
}

func TestTheLoadersToolsRunOnce(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t, t.TempDir(), hosttest.Fail("update-grub", 1, "no device"), hosttest.Missing("grubby"))
	files := m.Files()
	assert.NilError(t, files.MkdirAll("/etc/default", 0o755))
	family := distro.Lookup(distro.Info{ID: "debian", Version: "12"})
	log := slog.New(slog.DiscardHandler)
	assert.ErrorContains(t, Enable(t.Context(), files, m, family, "x", log), "grub")
	assert.NilError(t, files.WriteAtomic("/etc/default/grub", []byte("GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n"), 0o600))
	for range 2 {
		assert.NilError(t, Enable(t.Context(), files, m, family, Options("amd64"), log))
	}
	assert.DeepEqual(t, m.Calls(), []string{"update-grub"})
	data, err := files.ReadFile("/etc/default/grub")
	assert.NilError(t, err)
	assert.Equal(t, string(data), "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet console=ttyS0 earlyprintk=ttyS0\"\n")
}

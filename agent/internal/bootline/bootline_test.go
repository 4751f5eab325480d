package bootline

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
)

const selectorDefault = "GRUB_CMDLINE_LINUX_DEFAULT="

func TestOptionsAreAddedOnceAndTakenAwayAgain(t *testing.T) {
	t.Parallel()
	options := []string{"console=ttyS0", "earlyprintk=ttyS0"}
	for name, c := range map[string]struct{ old, selector, want string }{
		"quoted":          {"A=1\n" + selectorDefault + "\"quiet\"\n", selectorDefault, "A=1\n" + selectorDefault + "\"quiet console=ttyS0 earlyprintk=ttyS0\"\n"},
		"single quotes":   {selectorDefault + "'quiet'  # why\n", selectorDefault, selectorDefault + "'quiet console=ttyS0 earlyprintk=ttyS0'  # why\n"},
		"one is there":    {selectorDefault + "\"console=ttyS0,115200 ro\"\n", selectorDefault, selectorDefault + "\"console=ttyS0,115200 ro earlyprintk=ttyS0\"\n"},
		"a comment stays": {"#" + selectorDefault + "\"x\"\n", selectorDefault, "#" + selectorDefault + "\"x\"\n" + selectorDefault + "\"console=ttyS0 earlyprintk=ttyS0\"\n"},
		"BLS":             {"title x\noptions root=UUID=1 ro\n", "options ", "title x\noptions root=UUID=1 ro console=ttyS0 earlyprintk=ttyS0\n"},
		"GRUB 1": {"title kernel panic\n\tkernel /vmlinuz ro root=/dev/sda1\n", "kernel ",
			"title kernel panic\n\tkernel /vmlinuz ro root=/dev/sda1 console=ttyS0 earlyprintk=ttyS0\n"},
		"a bare line": {"root=/dev/sda1 ro\n", "", "root=/dev/sda1 ro console=ttyS0 earlyprintk=ttyS0\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			makeLine := strings.HasSuffix(c.selector, "=")
			plus := func(w []string) []string { return add(w, options) }
			got := edit(c.old, c.selector, makeLine, plus)
			assert.Equal(t, got, c.want)
			assert.Equal(t, edit(got, c.selector, makeLine, plus), got)
			minus := func(w []string) []string {
				return slices.DeleteFunc(slices.Clone(w), func(w string) bool { return slices.Contains(options, w) })
			}
			assert.Assert(t, !strings.Contains(edit(got, c.selector, false, minus), "earlyprintk"))
		})
	}
}

func root(t *testing.T, files map[string]string) host.Files {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		assert.NilError(t, os.WriteFile(path, []byte(text), 0o640))
	}
	return host.Files{Root: dir}
}

func TestTheLoaderThatIsThereIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files   map[string]string
		answers []hosttest.Answer
		calls   []string
		changed []string
	}{
		"Debian": {
			files:   map[string]string{"/etc/default/grub": selectorDefault + "\"quiet\"\n", "/boot/grub/menu.lst": "kernel /x\n"},
			answers: []hosttest.Answer{hosttest.OK("update-grub", "")},
			calls:   []string{"update-grub"}, changed: []string{"/etc/default/grub"},
		},
		"Red Hat with BLS and grubby": {
			files: map[string]string{"/etc/default/grub": "GRUB_CMDLINE_LINUX=\"rhgb\"\n", "/boot/grub2/grub.cfg": "x",
				"/boot/loader/entries/a.conf": "options $kernelopts\n"},
			answers: []hosttest.Answer{hosttest.OK("grub2-mkconfig -o /boot/grub2/grub.cfg", ""), hosttest.OK("grubby --update-kernel=ALL *", "")},
			calls:   []string{"grub2-mkconfig -o /boot/grub2/grub.cfg", "grubby --update-kernel=ALL --args=numa=off"},
			changed: []string{"/etc/default/grub", "/boot/loader/entries/a.conf"},
		},
		"UEFI, the tool fails": {
			files:   map[string]string{"/etc/default/grub": selectorDefault + "\"\"\n", "/boot/efi/EFI/centos/grub.cfg": "x"},
			answers: []hosttest.Answer{hosttest.Fail("grub2-mkconfig -o /boot/efi/EFI/centos/grub.cfg", 1, "no")},
			calls:   []string{"grub2-mkconfig -o /boot/efi/EFI/centos/grub.cfg"}, changed: []string{"/etc/default/grub"},
		},
		"GRUB 1":  {files: map[string]string{"/boot/grub/menu.lst": "\tkernel /vmlinuz ro\n"}, changed: []string{"/boot/grub/menu.lst"}},
		"Flatcar": {files: map[string]string{"/oem/grub.cfg": "# mine\n"}, changed: []string{"/oem/grub.cfg"}},
		"Alpine": {
			files:   map[string]string{"/etc/update-extlinux.conf": "default_kernel_opts=\"quiet\"\n"},
			answers: []hosttest.Answer{hosttest.OK("update-extlinux", "")},
			calls:   []string{"update-extlinux"}, changed: []string{"/etc/update-extlinux.conf"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := root(t, c.files)
			m := hosttest.New(t, files.Root, c.answers...)
			e := Editor{Files: files, Machine: m, Log: slog.New(slog.DiscardHandler)}
			changed, err := e.Add(t.Context(), "numa=off")
			assert.NilError(t, err)
			assert.DeepEqual(t, changed, c.changed)
			assert.DeepEqual(t, m.Calls(), c.calls)
			for _, name := range changed {
				now, err := files.ReadFile(name)
				assert.NilError(t, err)
				assert.Equal(t, strings.Count(string(now), "numa=off"), 1, "%s", now)
				kept, err := files.ReadFile(name + backupSuffix)
				assert.NilError(t, err)
				assert.Equal(t, string(kept), c.files[name])
			}
			changed, err = e.Add(t.Context(), "numa=off")
			assert.NilError(t, err)
			assert.Equal(t, len(changed), 0)
			_, err = e.Remove(t.Context(), "numa=off")
			assert.NilError(t, err)
			for _, name := range c.changed {
				now, err := files.ReadFile(name)
				assert.NilError(t, err)
				assert.Assert(t, !strings.Contains(string(now), "numa=off"))
			}
		})
	}
}

func TestWithoutALoaderThereIsAnError(t *testing.T) {
	t.Parallel()
	_, err := Editor{Files: root(t, nil), Log: slog.New(slog.DiscardHandler)}.Add(t.Context(), "x")
	assert.Assert(t, errors.Is(err, ErrNoLoader))
}

func FuzzEdit(f *testing.F) {
	f.Add(selectorDefault+"\"quiet\"\n", "a=1")
	f.Add("options x\n", "console=ttyS0")
	f.Add("\n\nGRUB_CMDLINE_LINUX_DEFAULT='", "x")
	f.Fuzz(func(t *testing.T, text, option string) {
		if option == "" || strings.ContainsAny(option, " \t\r\n\v\f\"'\u0085\u00a0") || len(strings.Fields(option)) != 1 {
			return
		}
		plus := func(w []string) []string { return add(w, []string{option}) }
		once := edit(text, selectorDefault, true, plus)
		assert.Equal(t, edit(once, selectorDefault, true, plus), once)
	})
}

// FuzzMenu: whatever a loader's file holds, no line is lost, lines about something else stay as they are, and adding
// twice is adding once.
func FuzzMenu(f *testing.F) {
	f.Add("title kernel of the year\n\tkernel /vmlinuz ro quiet\n", 0)
	f.Add("options root=UUID=1 ro\n", 1)
	f.Add("root=/dev/sda1 'x\n\n", 2)
	f.Add("default_kernel_opts=\"quiet # x\" # y\n", 3)
	selectors := []string{"kernel ", "options ", "", "default_kernel_opts="}
	f.Fuzz(func(t *testing.T, text string, which int) {
		selector := selectors[uint(which)%uint(len(selectors))]
		plus := func(w []string) []string { return add(w, []string{"console=ttyS0", "earlyprintk=ttyS0"}) }
		once := edit(text, selector, false, plus)
		assert.Equal(t, edit(once, selector, false, plus), once)
		before, after := strings.Split(text, "\n"), strings.Split(once, "\n")
		assert.Equal(t, len(after), len(before))
		for i := range before {
			if !strings.HasPrefix(strings.TrimLeft(before[i], " \t"), selector) || selector == "" && strings.TrimSpace(before[i]) == "" {
				assert.Equal(t, after[i], before[i])
			}
		}
	})
}

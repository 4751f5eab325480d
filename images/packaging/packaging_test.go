package packaging

import (
	"bytes"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
)

func TestEveryFamilyShipsWhatItsGoldenFileShows(t *testing.T) {
	t.Parallel()
	names, err := Names()
	assert.NilError(t, err)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := For(name)
			assert.NilError(t, err)
			files, err := f.Files()
			assert.NilError(t, err)
			golden.Assert(t, show(files), name+".golden")
		})
	}
}

// show lists an installation: every path, and the whole of the configuration and the unit.
func show(files []File) string {
	var b strings.Builder
	for _, f := range files {
		if f.Link != "" {
			b.WriteString(f.Path + " -> " + f.Link + "\n")
			continue
		}
		b.WriteString(f.Path + " " + f.Mode.String() + "\n")
		if strings.HasSuffix(f.Path, ".conf") || strings.HasSuffix(f.Path, ".service") || strings.Contains(f.Path, "/init.d/") {
			b.WriteString(settings(string(f.Data)))
		}
	}
	return b.String()
}

func settings(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
			b.WriteString("\t" + line)
		}
	}
	return b.String()
}

func TestDerivedDistributionsGetTheirFamilysFiles(t *testing.T) {
	t.Parallel()
	table, err := load()
	assert.NilError(t, err)
	for id := range table.Also {
		_, err := For(id)
		assert.NilError(t, err, id)
	}
	_, err = For("plan9")
	assert.ErrorContains(t, err, "plan9")
}

// TestEveryPromisedDistributionHasPackaging asks by the ids of os-release.
func TestEveryPromisedDistributionHasPackaging(t *testing.T) {
	t.Parallel()
	for _, id := range strings.Fields(`almalinux debian flatcar azurelinux mariner azurecontainerlinux opensuse opensuse-leap
		opensuse-tumbleweed ol oracle rhel rocky sles sle_hpc sle-micro ubuntu centos cloudlinux alpine alpaquita arch
		clear-linux-os gentoo fedora photon devuan kali amzn chainguard freebsd openbsd netbsd openwrt`) {
		_, err := For(id)
		assert.Check(t, err, id)
	}
}

func TestConfigureReplacesInPlaceAndAddsAtTheEnd(t *testing.T) {
	t.Parallel()
	conf := "# A comment about A.B=1\nA.B=1\n\nC.D=2\nA.B=3\n"
	got := Configure([]byte(conf), map[string]string{"A.B": "9", "Z.Z": "new", "M.M": "m"})
	assert.Equal(t, string(got), "# A comment about A.B=1\nA.B=9\n\nC.D=2\n\nM.M=m\nZ.Z=new\n")
	assert.Equal(t, string(Configure([]byte(conf), nil)), conf)
}

func TestADroppedKeyTakesItsCommentAlong(t *testing.T) {
	t.Parallel()
	conf := "# head\n\n# about A\nA=1\nA2=2\n\n# about B\nB=1\n"
	assert.Equal(t, string(without([]byte(conf), []string{"B", "A2"})), "# head\n\n# about A\nA=1\n")
}

// Each script is what its shell can read.
func TestScriptsAreValidShell(t *testing.T) {
	t.Parallel()
	names, err := Names()
	assert.NilError(t, err)
	for _, name := range names {
		f, err := For(name)
		assert.NilError(t, err)
		files, err := f.scripts()
		assert.NilError(t, err)
		for _, file := range files {
			if !strings.HasPrefix(string(file.Data), "#!/bin/") {
				continue
			}
			cmd := exec.Command("sh", "-n")
			cmd.Stdin = strings.NewReader(string(file.Data))
			out, err := cmd.CombinedOutput()
			assert.NilError(t, err, "%s: %s", file.Path, out)
		}
	}
}

// The page says nothing that its formatter does not understand.
func TestTheManPageIsFormattedWithoutAWarning(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("groff"); err != nil {
		t.Skip("no groff here")
	}
	var text, warnings bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "groff", "-man", "-ww", "-Tascii", "-P-c", "man/waagent.8")
	cmd.Stdout, cmd.Stderr = &text, &warnings
	assert.NilError(t, cmd.Run())
	assert.Equal(t, warnings.String(), "")
	broken := regexp.MustCompile(`(?m)^.*[a-z]-$`).FindString(text.String())
	assert.Equal(t, broken, "", "names must be found by a search, so no word is broken")
}

// A reader of the page finds where this machine has each file that is not a program or a unit.
func TestTheManPageNamesTheShippedFiles(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("man/waagent.8")
	assert.NilError(t, err)
	text := strings.ReplaceAll(string(page), `\-`, "-")
	names, err := Names()
	assert.NilError(t, err)
	for _, name := range names {
		f, err := For(name)
		assert.NilError(t, err)
		shipped, err := f.Files()
		assert.NilError(t, err)
		for _, file := range shipped {
			switch path.Ext(file.Path) {
			case ".rules", ".logrotate":
				assert.Check(t, strings.Contains(text, path.Base(file.Path)), "%s: %s", name, file.Path)
			case ".conf":
				if path.Base(file.Path) != "waagent.conf" {
					continue // an upstart job
				}
				assert.Check(t, strings.Contains(text, file.Path), "%s: %s", name, file.Path)
			}
		}
	}
}

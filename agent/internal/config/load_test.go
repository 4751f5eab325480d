package config_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/waagent-go/waagent/agent/internal/config"
	"github.com/waagent-go/waagent/agent/internal/host"
)

func parse(t *testing.T, text string, d config.Defaults) *config.Loaded {
	t.Helper()
	l, err := config.Parse([]byte(text), d)
	assert.NilError(t, err)
	return l
}

func dump(t *testing.T, l *config.Loaded, verbose bool) string {
	t.Helper()
	var out bytes.Buffer
	assert.NilError(t, l.Dump(&out, verbose))
	return out.String()
}

func TestDefaultsAreTheDocumentedOnes(t *testing.T) {
	t.Parallel()
	l := parse(t, "# nothing but a comment\n", config.DocumentedDefaults)
	assert.Equal(t, len(l.Warnings), 0)
	assert.Equal(t, len(l.Kept), 0)
	assert.Equal(t, l.Extensions.GoalStatePeriod, 6*time.Second)
	assert.Equal(t, l.Provisioning.RegenerateSSHHostKeyPair, true)
	golden.Assert(t, dump(t, l, false), "defaults.golden")
	golden.Assert(t, dump(t, l, true), "defaults-verbose.golden")
}

func TestAnotherAgentsVMKeepsItsAbsentKeys(t *testing.T) {
	t.Parallel()
	l := parse(t, "ResourceDisk.Format=y\n", config.LegacyDefaults)
	assert.DeepEqual(t, l.Kept, []string{"Provisioning.RegenerateSshHostKeyPair", "Provisioning.MonitorHostName"})
	assert.Equal(t, l.ResourceDisk.Format, true)
	assert.Equal(t, l.Provisioning.MonitorHostName, false)
	assert.Assert(t, l.IsSet("ResourceDisk.Format"))
	golden.Assert(t, dump(t, l, true), "legacy-verbose.golden")
}

func TestOddLinesWarnAndKeepTheDefault(t *testing.T) {
	t.Parallel()
	l, err := config.Load(host.Files{Root: "testdata/conf"}, "/odd.conf", config.DocumentedDefaults)
	assert.NilError(t, err)
	var out bytes.Buffer
	for _, w := range l.Warnings {
		fmt.Fprintln(&out, w)
	}
	assert.NilError(t, l.Dump(&out, true))
	golden.Assert(t, out.String(), "odd.golden")
}

func TestValuesFollowTheOriginalsGrammar(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ line, want string }{
		"quotes and comment":    {`AutoUpdate.GAFamily = "hello world" # c`, "hello world"},
		"none is unset":         {"AutoUpdate.GAFamily=None", "Prod"},
		"none in lower case":    {"AutoUpdate.GAFamily=none", "none"},
		"comment inside quotes": {`AutoUpdate.GAFamily="a#b"`, "a"},
		"dos file":              {"AutoUpdate.GAFamily=\"a\"\r", "a"},
		"last one wins":         {"AutoUpdate.GAFamily=a\nAutoUpdate.GAFamily=b", "b"},
		"second equals sign":    {"AutoUpdate.GAFamily=a=b", "a=b"},
		"byte order mark":       {"\xef\xbb\xbfAutoUpdate.GAFamily=a", "a"},
		"leading blank":         {"  AutoUpdate.GAFamily\t=\ta", "a"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, parse(t, tc.line, config.DocumentedDefaults).AutoUpdate.GAFamily, tc.want)
		})
	}
}

func TestUpdateToLatestVersionFollowsEnabledUnlessSet(t *testing.T) {
	t.Parallel()
	assert.Equal(t, parse(t, "AutoUpdate.Enabled=n", config.DocumentedDefaults).AutoUpdate.UpdateToLatestVersion, false)
	assert.Equal(t, parse(t, "AutoUpdate.Enabled=n\nAutoUpdate.UpdateToLatestVersion=y", config.DocumentedDefaults).AutoUpdate.UpdateToLatestVersion, true)
	assert.Equal(t, parse(t, "Extensions.GoalStatePeriod=9", config.DocumentedDefaults).Extensions.InitialGoalStatePeriod, 9*time.Second)
}

func TestMissingAndEmptyFilesAreErrors(t *testing.T) {
	t.Parallel()
	files := host.Files{Root: t.TempDir()}
	_, err := config.Load(files, "/etc/waagent.conf", config.DocumentedDefaults)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.NilError(t, os.WriteFile(filepath.Join(files.Root, "empty"), nil, 0o600))
	_, err = config.Load(files, "/empty", config.DocumentedDefaults)
	assert.ErrorContains(t, err, "empty")
	_, err = config.Parse([]byte("Logs.Verbose=y\nA\x00B=1\n"), config.DocumentedDefaults)
	assert.ErrorContains(t, err, "line 2: a zero byte")
}

// FuzzParse: what was understood is understood the same after it was written out in the file's own spelling.
func FuzzParse(f *testing.F) {
	odd, err := os.ReadFile("testdata/conf/odd.conf")
	assert.NilError(f, err)
	f.Add(odd)
	f.Add([]byte("A=1\nLogs.Verbose=y # x\r\n\x00=\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := config.Parse(data, config.DocumentedDefaults)
		if err != nil {
			assert.Assert(t, len(data) == 0 || bytes.IndexByte(data, 0) >= 0, "%v", err)
			return
		}
		var text bytes.Buffer
		assert.NilError(t, first.Dump(&text, true))
		second, err := config.Parse(fileSpelling(text.String()), config.DocumentedDefaults)
		assert.NilError(t, err)
		assert.DeepEqual(t, second.Config, first.Config)
	})
}

// TestShippedFilesAreUnderstood reads the configuration that each family's package installs, as packaging's own golden
// files list it: a line per file, its content indented below.
func TestShippedFilesAreUnderstood(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../../images/packaging/testdata/*.golden")
	assert.NilError(t, err)
	assert.Assert(t, len(paths) > 10)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		assert.NilError(t, err)
		for _, w := range parse(t, section(string(data), "waagent.conf "), config.DocumentedDefaults).Warnings {
			t.Errorf("%s: %s", path, w)
		}
	}
}

// section is what stands indented below the line that holds mark.
func section(text, mark string) string {
	inside, body := false, ""
	for line := range strings.Lines(text) {
		if content, indented := strings.CutPrefix(line, "\t"); !indented {
			inside = strings.Contains(line, mark)
		} else if inside {
			body += content
		}
	}
	return body
}

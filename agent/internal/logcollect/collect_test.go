package logcollect

import (
	"archive/zip"
	"io"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"

	"github.com/waagent-go/waagent/agent/internal/host"
)

func machineWith(t *testing.T, extra ...fs.PathOp) *Collector {
	t.Helper()
	root := fs.NewDir(t, "root", append([]fs.PathOp{
		fs.WithDir("etc", fs.WithFile("os-release", "ID=debian\n"), fs.WithFile("hostname", "web01")),
		fs.WithDir("var",
			fs.WithDir("lib", fs.WithDir("waagent", fs.WithDir("Contoso.A-1.0",
				fs.WithDir("status", fs.WithFile("0.status", "[]")), fs.WithDir("config", fs.WithFile("HandlerState", "Enabled"))))),
			fs.WithDir("log", fs.WithFile("waagent.log", strings.Repeat("line\n", 100)), fs.WithFile("syslog.gz", strings.Repeat("x", 400)),
				fs.WithDir("azure", fs.WithDir("Contoso.A", fs.WithFile("handler.log", "did it\n"))))),
	}, extra...)...)
	return &Collector{
		Files: host.Files{Root: root.Path()}, LibDir: "/var/lib/waagent", ExtensionLogDir: "/var/log/azure", ConfFile: "/etc/waagent.conf",
	}
}

func members(t *testing.T, c *Collector) map[string]string {
	t.Helper()
	path, err := c.Files.Follow(c.Archive())
	assert.NilError(t, err)
	archive, err := zip.OpenReader(path)
	assert.NilError(t, err)
	defer archive.Close()
	found := map[string]string{}
	for _, f := range archive.File {
		r, err := f.Open()
		assert.NilError(t, err)
		data, err := io.ReadAll(r)
		assert.NilError(t, err)
		found[f.Name] = string(data)
	}
	return found
}

func TestArchiveHoldsWhatSupportAsksFor(t *testing.T) {
	t.Parallel()
	c := machineWith(t)
	assert.NilError(t, c.Collect(t.Context(), false))
	got := members(t, c)
	for _, name := range []string{
		"etc/os-release", "var/log/waagent.log", "var/log/azure/Contoso.A/handler.log",
		"var/lib/waagent/Contoso.A-1.0/status/0.status", "var/lib/waagent/Contoso.A-1.0/config/HandlerState", "results.txt",
	} {
		_, ok := got[name]
		assert.Assert(t, ok, "%s is missing", name)
	}
	assert.Assert(t, strings.Contains(got["results.txt"], "waagent.log"))
}

func TestLargeFilesGiveTheirEnd(t *testing.T) {
	t.Parallel()
	c := machineWith(t)
	c.FileLimit = 50
	assert.NilError(t, c.Collect(t.Context(), false))
	got := members(t, c)
	assert.Equal(t, got["truncated_var_log_waagent.log"], strings.Repeat("line\n", 10))
	assert.Assert(t, strings.Contains(got["results.txt"], "syslog.gz: larger than 50 bytes"))
}

func TestFullArchiveKeepsTheAgentsLogAndSaysWhereItStopped(t *testing.T) {
	t.Parallel()
	c := machineWith(t)
	c.TotalLimit = 504
	assert.NilError(t, c.Collect(t.Context(), false))
	got := members(t, c)
	names := make([]string, 0, len(got))
	for name := range got {
		names = append(names, name)
	}
	slices.Sort(names)
	assert.DeepEqual(t, names, []string{"results.txt", "var/log/waagent.log"})
	assert.Assert(t, strings.Contains(got["results.txt"], "archive is full"))
}

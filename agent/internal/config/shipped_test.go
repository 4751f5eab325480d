package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/config"
)

// TestNoShippedFileIsWarnedOf reads the file that each family ships, as the listing of its installation shows it.
func TestNoShippedFileIsWarnedOf(t *testing.T) {
	t.Parallel()
	listings, err := filepath.Glob("../../../images/packaging/testdata/*.golden")
	assert.NilError(t, err)
	assert.Assert(t, len(listings) > 15, len(listings))
	for _, listing := range listings {
		text := shipped(t, listing)
		l := parse(t, text, config.DocumentedDefaults)
		assert.Check(t, len(l.Warnings) == 0, "%s: %v", filepath.Base(listing), l.Warnings)
		assert.Check(t, l.IsSet("Provisioning.DeleteRootPassword"), "%s: not a whole file", filepath.Base(listing))
	}
}

// shipped is the indented text below the one line of a listing that names a waagent.conf.
func shipped(t *testing.T, listing string) string {
	t.Helper()
	data, err := os.ReadFile(listing)
	assert.NilError(t, err)
	var text strings.Builder
	inside, found := false, 0
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "\t") {
			path, _, _ := strings.Cut(line, " ")
			if inside = filepath.Base(path) == "waagent.conf"; inside {
				found++
			}
		} else if inside {
			text.WriteString(strings.TrimPrefix(line, "\t"))
		}
	}
	assert.Equal(t, found, 1, listing)
	return text.String()
}

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/cmd/internal/flags"
	"github.com/waagent-go/waagent/fabricsim/tryextension"
)

// TestTryExtensionRefusesBeforeItBoots has no programs to boot anything with: what is refused for that came too late.
func TestTryExtensionRefusesBeforeItBoots(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good"), filepath.Join(dir, "bad.zip")
	_, err := tryextension.New(good)
	assert.NilError(t, err)
	assert.NilError(t, os.WriteFile(bad, []byte("no"), 0o600))
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		assert.NilError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	for _, c := range []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"same version", []string{"-update", good, good}, flags.No, "good: no findings", "newer package: Contoso.Sample 1.0.0 is no other version of"},
		{"driver", []string{"-driver", "loopback", good}, flags.Usage, "", `-driver "loopback": want container or qemu`},
		{"image", []string{"-image", "potato", good}, flags.Usage, "", `-image: no image "potato" in the catalog`},
		{"no zip", []string{"-check-only", bad}, flags.No, "error: " + bad + ": this is no zip", ""},
		{"settings of Windows", []string{"-check-only", "-settings", file("bom", "\ufeff{}"), good}, flags.Done, "", ""},
		{"settings that are a list", []string{"-check-only", "-settings", file("list", "[1]"), good}, flags.No, "", "list: settings are a JSON object"},
		{"settings that are null", []string{"-check-only", "-settings", file("null", "null"), good}, flags.No, "", "null: settings are a JSON object"},
		{"settings with a mistake", []string{"-check-only", "-settings", file("comma", "{\n\"a\": 1,\n}"), good}, flags.No, "", "comma:3: invalid character '}'"},
		{"one finding", []string{"-check-only", bad}, flags.No, ": 1 finding\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			code := tryExtension(t.Context(), append([]string{"-bin", dir, "-keep", dir}, c.args...), &stdout, &stderr)
			assert.Equal(t, code, c.code, stderr.String())
			assert.Assert(t, cmp.Contains(stdout.String(), c.stdout))
			assert.Assert(t, cmp.Contains(stderr.String(), c.stderr))
		})
	}
}

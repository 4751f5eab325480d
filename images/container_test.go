package images

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

// TestAnEngineThatIsDownIsMissingBeforeAnythingIsBuilt for it.
func TestAnEngineThatIsDownIsMissingBeforeAnythingIsBuilt(t *testing.T) {
	bin := t.TempDir()
	script := "#!/bin/sh\necho Client: 1 \necho Cannot connect to the daemon. >&2\nexit 1\n"
	assert.NilError(t, os.WriteFile(filepath.Join(bin, "docker"), []byte(script), 0o755))
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	t.Setenv("WAAGENT_CACHE", t.TempDir())
	_, err := Container(t.Context(), "debian12", Plain, func(line string) { t.Error(line) })
	var missing *Unavailable
	assert.Assert(t, errors.As(err, &missing), "%v", err)
	assert.Equal(t, missing.Why, "the container engine does not answer: Cannot connect to the daemon.")
}

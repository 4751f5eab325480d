//go:build slow

package images

import (
	"os"
	"testing"

	"gotest.tools/v3/assert"
)

// TestVMImageOfDebianIsMade builds a VM image for real: go test -tags slow, and WAAGENT_BUILD_VM=debian12.
func TestVMImageOfDebianIsMade(t *testing.T) {
	id := os.Getenv("WAAGENT_BUILD_VM")
	if id == "" {
		t.Skip("WAAGENT_BUILD_VM names no image")
	}
	img, err := VM(t.Context(), id, Plain, func(l string) { t.Log(l) })
	assert.NilError(t, err)
	for _, f := range []string{img.Disk, img.Kernel, img.Initrd} {
		info, err := os.Stat(f)
		assert.NilError(t, err)
		assert.Assert(t, info.Size() > 1<<20, f)
	}
}

//go:build slow

package qemu

import (
	"os/exec"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/fabricsim/vnet"
	"github.com/waagent-go/waagent/images"
)

// The image takes half an hour to build, so the test is built only where it is asked for: go test -tags slow.
func TestAnARMGuestBoots(t *testing.T) {
	needQEMU(t)
	if _, err := exec.LookPath(arm64.program); err != nil {
		t.Skip(err)
	}
	g := bootDebian(t, vnet.Options{}, Spec{Image: images.VMImage{ID: "debian12-arm64"}, ResourceDisk: &ResourceDisk{Size: 64 << 20}})
	assert.Equal(t, run(t, g, "uname", "-m"), "aarch64\n")
	assert.Equal(t, run(t, g, "cat", "/sys/class/dmi/id/chassis_asset_tag"), "7783-7084-3265-9085-8269-3286-77\n")
	assert.Equal(t, run(t, g, "cat", "/sys/class/dmi/id/product_uuid"), "3c2b6a4f-0000-0040-8000-000000000001\n")
	until(t, g, "ip", "route", "get", "168.63.129.16")
	assert.Assert(t, strings.HasPrefix(run(t, g, "curl", "-sS", "-m", "30", "http://168.63.129.16/"), "hello 10.0.0.4:"))
}

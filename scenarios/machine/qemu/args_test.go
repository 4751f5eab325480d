package qemu

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/waagent-go/waagent/images"
)

func TestArguments(t *testing.T) {
	t.Parallel()
	image := images.VMImage{Kernel: "/cache/vmlinuz", Initrd: "/cache/initrd", Root: "LABEL=root"}
	nic := NIC{MAC: net.HardwareAddr{0, 13, 58, 1, 2, 3}, IP: netip.MustParseAddr("10.0.0.4")}
	for name, c := range map[string]struct {
		spec    Spec
		sockets []string
	}{
		"smallest": {Spec{Name: "vm0", UUID: "u", Image: image}, nil},
		"arm64":    {Spec{Name: "vm0", UUID: "u", Image: images.VMImage{Kernel: "/cache/vmlinuz", Initrd: "/cache/initrd", Arch: "arm64"}}, nil},
		"everything": {Spec{
			Name: "vm1", UUID: "u", Image: image, NICs: []NIC{nic, nic}, DVD: "/run/dvd.iso", ResourceDisk: &ResourceDisk{Size: 1 << 30},
			DataDisks: []int64{1 << 20, 2 << 20}, KernelArgs: []string{"systemd.unified_cgroup_hierarchy=0"}, MemoryMB: 2048, CPUs: 4, Gen: 2,
		}, []string{"/run/nic0", "/run/nic1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var lines strings.Builder
			for _, a := range arguments(c.spec, "/run", architectureOf(c.spec.Image.Arch).tcg, c.sockets) {
				if strings.HasPrefix(a, "-") {
					lines.WriteString("\n" + a)
				} else {
					lines.WriteString(" " + a)
				}
			}
			golden.Assert(t, strings.TrimSpace(lines.String())+"\n", name+".args")
		})
	}
}

func TestTroubleOnAConsole(t *testing.T) {
	t.Parallel()
	console := "Welcome to Debian\r\n[    1.0] Kernel panic - not syncing: VFS\r\n[    2.0] sshd[3]: segfault at 0\nlogin: "
	assert.DeepEqual(t, Trouble([]byte(console)), []string{"[    1.0] Kernel panic - not syncing: VFS", "[    2.0] sshd[3]: segfault at 0"})
	assert.Equal(t, len(Trouble([]byte("Reached target emergency calls\n"))), 0)
}

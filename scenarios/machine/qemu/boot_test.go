package qemu

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/fabricsim/vnet"
	"github.com/waagent-go/waagent/images"
	"github.com/waagent-go/waagent/scenarios/machine"
	"github.com/waagent-go/waagent/scenarios/machine/machinetest"
)

// needQEMU skips where no guest can be had, and where only Go's own tests were asked for: booting takes tens of seconds.
func needQEMU(t *testing.T) {
	if os.Getenv("WAAGENT_SCENARIOS") == "" {
		t.Skip("WAAGENT_SCENARIOS is not set: no guest is booted")
	}
	if err := Available(); err != nil {
		t.Skip(err)
	}
}

func buildHelper(t *testing.T, arch string) string {
	path := filepath.Join(t.TempDir(), "guest-helper")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "./testdata/guest-helper")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+cmp.Or(arch, "amd64"))
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, "%s", out)
	return path
}

// bootDebian boots Debian 12 on a network of its own, with a web server at the WireServer's address.
func bootDebian(t *testing.T, o vnet.Options, spec Spec) *Guest {
	t.Helper()
	o.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	n, err := vnet.New(o)
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, n.Close()) })
	l, err := n.Listen(netip.AddrPortFrom(vnet.WireServer, 80))
	assert.NilError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello %s\n", r.RemoteAddr)
	})}
	go server.Serve(l) //nolint:errcheck // ends with the test
	t.Cleanup(func() { server.Close() })

	spec.Name, spec.UUID = "vm0", "3c2b6a4f-0000-0040-8000-000000000001"
	spec.NICs = []NIC{{}}
	if spec.Image.ID == "" {
		spec.Image.ID = "debian12"
	}
	spec.Image, err = images.VM(t.Context(), spec.Image.ID, images.Plain, func(l string) { t.Log(l) })
	var unavailable *images.Unavailable
	if errors.As(err, &unavailable) {
		t.Skip(err)
	}
	assert.NilError(t, err)
	d := Driver{Network: n, Helper: buildHelper(t, spec.Image.Arch), Log: o.Log}
	start := time.Now()
	g, err := d.Boot(t.Context(), spec)
	assert.NilError(t, err)
	t.Logf("boot to helper: %s", time.Since(start))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("console:\n%s", g.Console())
		}
		assert.NilError(t, g.Close(context.WithoutCancel(t.Context())))
	})
	return g
}

func run(t *testing.T, g *Guest, argv ...string) string {
	t.Helper()
	r, err := g.Exec(t.Context(), machine.Command{Argv: argv})
	assert.NilError(t, err)
	assert.Equal(t, r.ExitCode, 0, "%v: %s%s", argv, r.Stdout, r.Stderr)
	return string(r.Stdout)
}

func TestDebianGuestFulfilsTheContract(t *testing.T) {
	needQEMU(t)
	leases := make(chan vnet.Lease, 10)
	g := bootDebian(t, vnet.Options{Leases: func(l vnet.Lease) { leases <- l }}, Spec{ResourceDisk: &ResourceDisk{Size: 256 << 20}})
	start := time.Now()
	t.Log(run(t, g, "systemctl", "is-system-running", "--wait"))
	t.Logf("helper to running: %s", time.Since(start))
	t.Log(run(t, g, "systemd-analyze", "blame"))
	assert.Equal(t, (<-leases).IP, netip.MustParseAddr("10.0.0.4"))
	assert.Equal(t, run(t, g, "systemd-detect-virt"), "microsoft\n")
	lease := run(t, g, "sh", "-c", "cat /var/lib/dhcp/*.leases")
	assert.Assert(t, is.Contains(lease, "unknown-245 a8:3f:81:10"))
	assert.Assert(t, strings.HasPrefix(run(t, g, "curl", "-sS", "-m", "10", "http://168.63.129.16/"), "hello 10.0.0.4:"))
	assert.Assert(t, is.Contains(run(t, g, "lsblk"), "sdb"))
	assert.Equal(t, len(Trouble(g.Console())), 0, "%q", Trouble(g.Console()))
	machinetest.Contract(t, g, machinetest.Can{Users: true, Dial: true, Reboot: true, Console: true})
}

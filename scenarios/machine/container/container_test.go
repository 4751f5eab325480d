package container_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/images"
	"github.com/waagent-go/waagent/images/packaging"
	"github.com/waagent-go/waagent/scenarios/machine"
	"github.com/waagent-go/waagent/scenarios/machine/container"
	"github.com/waagent-go/waagent/scenarios/machine/machinetest"
)

func guestImage(t *testing.T) string {
	t.Helper()
	ref, err := images.Container(t.Context(), "debian12", images.Plain, func(line string) { t.Log(line) })
	var unavailable *images.Unavailable
	if errors.As(err, &unavailable) {
		t.Skip(err)
	}
	assert.NilError(t, err)
	return ref
}

func start(t *testing.T, o container.Options) *container.Driver {
	t.Helper()
	d, err := container.Start(t.Context(), o)
	if errors.Is(err, container.ErrNoEngine) {
		t.Skip(err)
	}
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, d.Close(context.WithoutCancel(t.Context()))) })
	return d
}

// fabricsim builds the simulator as a container needs it: static.
func fabricsim(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fabricsim")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, "github.com/waagent-go/waagent/cmd/fabricsim")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, string(out))
	return path
}

// A guest finds the fabric at its real addresses and names; cut off from it, it finds nothing there.
func TestAGuestReachesTheFabric(t *testing.T) {
	t.Parallel()
	ref := guestImage(t)
	d := start(t, container.Options{Fabric: fabricsim(t)})
	g, err := d.Boot(t.Context(), container.Spec{Name: "vm0", Image: ref, Unreachable: true})
	assert.NilError(t, err)
	get := func(url string) string {
		r, err := g.Exec(t.Context(), machine.Command{Argv: []string{"curl", "-sS", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", url}})
		assert.NilError(t, err)
		return string(r.Stdout)
	}
	const versions = "http://168.63.129.16/?comp=versions"
	assert.Equal(t, get(versions), "000")
	assert.NilError(t, g.Reach(t.Context(), true))
	assert.Equal(t, get(versions), "200")
	assert.Equal(t, get("http://168.63.129.16/machine/?comp=goalstate"), "410") // of a VM it does not know
	assert.Equal(t, get("http://169.254.169.254/metadata/instance"), "400")     // without its header
	assert.Assert(t, get("http://any.blob.fabricsim.test/") != "000")
	assert.NilError(t, g.Reach(t.Context(), false))
	assert.Equal(t, get(versions), "000")
}

// A guest is a machine that has just been switched on: systemd up, an agent started by its unit, a
// resource disk it can partition and mount, and files of its own where the engine had put binds.
func TestAGuestLooksLikeAFreshlyStartedMachine(t *testing.T) {
	t.Parallel()
	ref := guestImage(t)
	agent := filepath.Join(t.TempDir(), "waagent")
	assert.NilError(t, os.WriteFile(agent, []byte("#!/bin/sh\necho started with $1\nexec sleep 1000\n"), 0o755))
	dvd := filepath.Join(t.TempDir(), "dvd.img")
	assert.NilError(t, os.WriteFile(dvd, append([]byte("medium"), make([]byte, 1<<20)...), 0o644))
	d := start(t, container.Options{})
	begin := time.Now()
	g, err := d.Boot(t.Context(), container.Spec{
		Name: "vm0", Image: ref, Agent: agent, Family: "debian", DVD: dvd, DiskMB: 64,
		Conf:  map[string]string{"Logs.Verbose": "y"},
		Files: []packaging.File{{Path: "/etc/here", Mode: 0o600, Data: []byte("file")}},
	})
	assert.NilError(t, err)
	t.Logf("boot took %s", time.Since(begin))
	for _, c := range []struct{ command, want string }{
		{"systemctl is-system-running", "running"},
		{"systemctl is-active walinuxagent", "active"},
		{"systemctl is-active waagent", "active"},
		{"journalctl -u walinuxagent -o cat", "started with -daemon"},
		{"cat /proc/1/comm", "systemd"},
		{"stat -f -c %T /sys/fs/cgroup", "cgroup2fs"},
		{"grep Logs.Verbose /etc/waagent.conf", "Logs.Verbose=y"},
		{"head -c 6 /dev/sr0", "medium"},
		{"hostnamectl set-hostname web01 && cat /etc/hostname", "web01"},
		{"ip route get 168.63.129.16", "via 10.177."},
		{"stat -c %a /etc/here", "600"},
		{"ls /etc/ssh/*key", "/etc/ssh/ssh_host_ed25519_key"},
		{"cat /etc/resolv.conf", "nameserver 168.63.129.16"},
		{"d=$(readlink -f /dev/disk/azure/resource) && parted -s $d mklabel msdos mkpart primary ext4 1MiB 100% && mkfs.ext4 -q ${d}p1 && mkdir -p /mnt/resource && mount ${d}p1 /mnt/resource && findmnt -n -o FSTYPE /mnt/resource", "ext4"},
		{"fallocate -l 16M /mnt/resource/swapfile && chmod 600 /mnt/resource/swapfile && mkswap -q /mnt/resource/swapfile && swapon /mnt/resource/swapfile && cat /proc/swaps", "swapfile"},
		{"test -w /dev/.host/null || test -e /dev/.host/null; dd if=/dev/.host/vda count=1 of=/dev/null 2>&1", "not permitted"},
	} {
		r, err := g.Exec(t.Context(), machine.Command{Argv: []string{"/bin/sh", "-c", c.command}})
		assert.NilError(t, err)
		got := string(r.Stdout) + string(r.Stderr)
		assert.Assert(t, strings.Contains(got, c.want), "%s: %s", c.command, got)
	}
	assert.Assert(t, strings.Contains(string(g.Console()), "Multi-User System"), "%s", g.Console())
}

func TestAGuestFulfilsTheContractOfMachines(t *testing.T) {
	t.Parallel()
	ref := guestImage(t)
	d := start(t, container.Options{Fabric: fabricsim(t)})
	g, err := d.Boot(t.Context(), container.Spec{Name: "vm0", Image: ref})
	assert.NilError(t, err)
	machinetest.Contract(t, g, machinetest.Can{Users: true, Console: true, Dial: true})
}

// Two drivers, each with a guest of the same name, do not meet.
func TestTwoDriversShareAnEngine(t *testing.T) {
	t.Parallel()
	ref := guestImage(t)
	for _, name := range []string{"one", "other"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := start(t, container.Options{})
			g, err := d.Boot(t.Context(), container.Spec{Name: "vm0", Image: ref, Unreachable: true})
			assert.NilError(t, err)
			assert.NilError(t, g.Reach(t.Context(), true))
		})
	}
}

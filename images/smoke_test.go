package images

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ory/dockertest/v3"
	"github.com/ory/dockertest/v3/docker"
	"gotest.tools/v3/assert"
)

// smoked are the images tried: the one named by IMAGE, all with FULL=1, the first of the catalog otherwise.
func smoked(t *testing.T) []Image {
	c, err := Load()
	assert.NilError(t, err)
	if os.Getenv("FULL") != "" {
		return c.Images
	}
	if id := os.Getenv("IMAGE"); id != "" {
		i, err := c.Image(id)
		assert.NilError(t, err)
		return []Image{i}
	}
	return c.Images[:1]
}

// An image starts systemd without a failed unit, holds an SSH server whose one key was made at this boot, and no agent.
func TestImagesBoot(t *testing.T) {
	t.Parallel()
	pool, err := dockertest.NewPool("")
	if err == nil {
		err = pool.Client.Ping()
	}
	if err != nil {
		t.Skipf("no container engine: %v", err)
	}
	pool.MaxWait = 2 * time.Minute
	for _, image := range smoked(t) {
		t.Run(image.ID, func(t *testing.T) {
			t.Parallel()
			smoke(t, pool, image)
		})
	}
}

func smoke(t *testing.T, pool *dockertest.Pool, image Image) {
	ref, err := Container(t.Context(), image.ID, Plain, func(line string) { t.Log(line) })
	var unavailable *Unavailable
	if errors.As(err, &unavailable) {
		t.Skip(err)
	}
	assert.NilError(t, err)
	guest := boot(t, pool, ref)
	assert.NilError(t, pool.Retry(func() error {
		state := strings.TrimSpace(run(t, guest, "systemctl", "is-system-running", "--wait"))
		if state != "running" {
			return errors.New(state + run(t, guest, "systemctl", "--failed", "--no-legend"))
		}
		return nil
	}))
	for _, c := range []struct{ command, want string }{
		{"systemctl is-enabled ssh", "enabled\n"},
		{"systemctl is-active ssh", "active\n"},
		{"find /etc/ssh -name 'ssh_host_*_key'", "/etc/ssh/ssh_host_ed25519_key\n"},
		{"find /usr/sbin /usr/bin -name 'waagent*'", ""},
		{"getent passwd 1000", ""},
		{"for p in sudo useradd mkfs.ext4 ip openssl curl parted sfdisk ifup; do command -v $p >/dev/null || echo $p; done", ""},
	} {
		assert.Equal(t, run(t, guest, "sh", "-c", c.command), c.want, c.command)
	}
}

func boot(t *testing.T, pool *dockertest.Pool, ref string) *dockertest.Resource {
	init := filepath.Join(t.TempDir(), "guest-init.sh")
	assert.NilError(t, os.WriteFile(init, GuestInit(), 0o755))
	name, tag, _ := strings.Cut(ref, ":")
	guest, err := pool.RunWithOptions(&dockertest.RunOptions{
		Repository: name, Tag: tag,
		Entrypoint: []string{"/bin/sh", "/guest-init.sh"},
		Cmd:        []string{"172.31.255.2/24", "172.31.255.1", "-", "-", "unreachable", "-"},
		Mounts:     []string{init + ":/guest-init.sh:ro"},
		Tty:        true,
		CapAdd:     []string{"SYS_ADMIN", "NET_ADMIN", "MKNOD"},
	}, func(h *docker.HostConfig) {
		h.AutoRemove = true
		h.SecurityOpt = []string{"seccomp=unconfined", "apparmor=unconfined"}
		h.Tmpfs = map[string]string{"/run": "exec", "/run/lock": ""}
	})
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, pool.Purge(guest)) })
	return guest
}

func run(t *testing.T, guest *dockertest.Resource, argv ...string) string {
	var out bytes.Buffer
	_, err := guest.Exec(argv, dockertest.ExecOptions{StdOut: &out})
	assert.NilError(t, err)
	return out.String()
}

package images

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"
)

// Nothing in a finished tree names a machine, whatever its packages left there.
func TestAFinishedTreeIsAnonymous(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		image      Image
		interfaces string
		release    string
	}{
		{"ifupdown", Image{Network: "ifupdown"}, "iface eth0 inet dhcp", "the truth\n"},
		{"NetworkManager", Image{Network: "networkmanager"}, "", "the truth\n"},
		{"look-alike", Image{Network: "networkmanager", OSRelease: map[string]string{"ID": "rhel", "NAME": "Red Hat's"}}, "",
			"ID=\"rhel\"\nNAME=\"Red Hat's\"\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tree := fs.NewDir(t, "tree", fs.WithDir("etc",
				fs.WithDir("ssh", fs.WithFile("ssh_host_rsa_key", "key"), fs.WithFile("sshd_config", "kept")),
				fs.WithDir("systemd", fs.WithDir("system")),
				fs.WithFile("machine-id", "0123"), fs.WithFile("hostname", "builder"), fs.WithFile("os-release", "the truth\n"),
			), fs.WithDir("lib", fs.WithDir("systemd", fs.WithDir("system"))),
				fs.WithDir("var", fs.WithDir("lib", fs.WithDir("dbus", fs.WithFile("machine-id", "0123")), fs.WithDir("dhcp"))))
			script := filepath.Join(t.TempDir(), "finish")
			assert.NilError(t, os.WriteFile(script, debian{image: c.image}.finish(), 0o755))
			out, err := exec.Command(script, tree.Path()).CombinedOutput()
			assert.NilError(t, err, string(out))

			content := func(path string) string {
				data, err := os.ReadFile(tree.Join(strings.Split(path, "/")...))
				assert.NilError(t, err)
				return string(data)
			}
			for _, gone := range []string{"etc/ssh/ssh_host_rsa_key", "var/lib/dbus/machine-id", "etc/resolv.conf"} {
				assert.Assert(t, !exists(tree.Join(gone)), gone)
			}
			assert.Equal(t, content("etc/ssh/sshd_config"), "kept")
			assert.Equal(t, content("etc/machine-id"), "")
			assert.Equal(t, content("etc/hostname"), "localhost\n")
			assert.Equal(t, content("etc/os-release"), c.release)
			assert.Equal(t, strings.Contains(content("etc/network/interfaces"), "eth0"), c.interfaces != "")
			assert.Assert(t, strings.Contains(content("etc/network/interfaces"), c.interfaces))
		})
	}
}

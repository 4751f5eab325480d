package deprovision

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	"gotest.tools/v3/golden"

	"github.com/waagent-go/waagent/agent/internal/config"
	"github.com/waagent-go/waagent/agent/internal/distro"
	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
	"github.com/waagent-go/waagent/agent/machine"
	"github.com/waagent-go/waagent/agent/protocol/ovfenv"
)

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f bob"

type fixture struct {
	*Deprovisioner
	m   *hosttest.Script
	out *bytes.Buffer
}

// provisioned is a machine after its first boot.
func provisioned(t *testing.T, info distro.Info, user string) *fixture {
	t.Helper()
	f := &fixture{out: &bytes.Buffer{}}
	f.m = hosttest.New(t, t.TempDir(), hosttest.Missing("getent"))
	files := f.m.Files()
	env := ovfenv.Environment{Version: "1.0", Linux: ovfenv.LinuxProvisioning{HostName: "web01", UserName: user, PublicKeys: []ovfenv.PublicKey{
		{Path: "/home/bob/.ssh/authorized_keys", Value: key}, {Path: "/srv/keys", Value: key},
	}}, Platform: ovfenv.PlatformSettings{ProvisionGuestAgent: true}}
	document, err := env.Marshal()
	assert.NilError(t, err)
	for name, text := range map[string]string{
		"/etc/passwd": "root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\nbob:x:1000:1000::/home/bob:/bin/sh\n", "/etc/hostname": "web01",
		"/etc/login.defs": "UID_MIN 1000\n", "/etc/ssh/ssh_host_rsa_key": "k", "/etc/ssh/ssh_host_rsa_key.pub": "k", "/etc/ssh/sshd_config": "",
		"/var/lib/dhcp/dhclient.eth0.leases": "l", "/run/systemd/netif/leases/2": "l", "/etc/resolv.conf": "nameserver 1", "/etc/machine-id": "m",
		"/etc/shadow": "root:x:::::::\n", "/root/.bash_history": "h", "/var/log/waagent.log": "old", "/var/log/azure/x/y.log": "y",
		"/var/lib/waagent/ovf-env.xml": string(document), "/var/lib/waagent/provisioned": "id", "/var/lib/waagent/events/1": "",
		"/etc/sudoers.d/waagent": "bob ALL=(ALL) ALL\nbobby ALL=(ALL) ALL\n", "/home/bob/.ssh/authorized_keys": key + "\n",
		"/srv/keys": "ssh-rsa other\n" + key + "\n", "/var/run/utmp": "",
	} {
		assert.NilError(t, files.MkdirAll(filepath.Dir(name), 0o755))
		assert.NilError(t, files.WriteAtomic(name, []byte(text), 0o644))
	}
	family := distro.Lookup(info)
	if family.Stop != nil {
		f.m.Add(hosttest.OK(strings.Join(family.Stop, " "), ""))
	}
	userdel := hosttest.OK("userdel -f -r bob", "")
	userdel.Do = func(machine.Command) error {
		if err := files.WriteAtomic("/etc/passwd", []byte("root:x:0:0::/root:/bin/sh\n"), 0o644); err != nil {
			return err
		}
		return files.RemoveAll("/home/bob")
	}
	f.m.Add(userdel)
	conf, err := config.Parse([]byte("Provisioning.DeleteRootPassword=y\n"), config.DocumentedDefaults)
	assert.NilError(t, err)
	f.Deprovisioner = &Deprovisioner{
		Files: files, Machine: f.m, Family: family, Config: conf.Config, In: strings.NewReader("yes\n"), Out: f.out,
		Log: slog.New(slog.NewTextHandler(io.MultiWriter(f.out, t.Output()), nil)), Note: "Not safe.",
	}
	return f
}

func (f *fixture) left(t *testing.T) string {
	t.Helper()
	var names []string
	assert.NilError(t, filepath.WalkDir(f.Files.Root, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, strings.TrimPrefix(name, f.Files.Root))
		}
		return err
	}))
	return strings.Join(names, "\n") + "\n"
}

func TestEachDistributionsListIsAnnouncedAndDone(t *testing.T) {
	t.Parallel()
	for name, info := range map[string]distro.Info{
		"debian12":   {ID: "debian", Version: "12"},
		"ubuntu2204": {ID: "ubuntu", Version: "22.04"},
		"ubuntu1604": {ID: "ubuntu", Version: "16.04"},
		"rhel9":      {ID: "rhel", Version: "9.6"},
		"flatcar":    {ID: "flatcar", Version: "3815.2.0"},
		"clearlinux": {ID: "clear-linux-os", FullName: "Clear Linux OS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := provisioned(t, info, "bob")
			if name == "rhel9" {
				f.m.Add(hosttest.Missing("hostnamectl"))
			}
			f.User = true
			assert.Equal(t, f.Run(t.Context()), 0)
			assert.Equal(t, f.m.Name, newName)
			golden.Assert(t, f.out.String()+"\n--- left ---\n"+f.left(t), name+".golden")
		})
	}
}

func TestARefusalChangesNothing(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"n\n", "\n", "no", "", "what\n"} {
		f := provisioned(t, distro.Info{ID: "debian", Version: "12"}, "bob")
		before := f.left(t)
		f.User, f.In = true, strings.NewReader(answer)
		assert.Equal(t, f.Run(t.Context()), 0)
		assert.Equal(t, f.left(t), before)
		assert.Assert(t, cmp.Contains(f.out.String(), "Not safe.\nDo you want to proceed (y/n)"))
	}
}

func TestForceDoesNotAsk(t *testing.T) {
	t.Parallel()
	f := provisioned(t, distro.Info{ID: "debian", Version: "12"}, "bob")
	f.Force, f.In = true, nil
	assert.Equal(t, f.Run(t.Context()), 0)
	assert.Assert(t, !strings.Contains(f.out.String(), "proceed"))
	assert.Assert(t, f.Files.Exists("/home/bob"))
	assert.Assert(t, !f.Files.Exists("/var/lib/waagent/provisioned"))
}

func TestAnInterruptBeforeTheAnswerChangesNothing(t *testing.T) {
	t.Parallel()
	f := provisioned(t, distro.Info{ID: "debian", Version: "12"}, "bob")
	before := f.left(t)
	r, w := io.Pipe()
	t.Cleanup(func() { w.Close() })
	f.In = r
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.Equal(t, f.Run(ctx), 0)
	assert.Equal(t, f.left(t), before)
	assert.Assert(t, cmp.Contains(f.out.String(), "Interrupted"))
}

func TestASystemAccountStays(t *testing.T) {
	t.Parallel()
	f := provisioned(t, distro.Info{ID: "debian", Version: "12"}, "daemon")
	f.User = true
	assert.Equal(t, f.Run(t.Context()), 0)
	assert.Assert(t, cmp.Contains(f.out.String(), "WARNING! The account daemon (uid 1) is a system account and is never deleted.\nWARNING! No user will be deleted."))
	assert.Assert(t, !strings.Contains(strings.Join(f.m.Calls(), "\n"), "userdel"))
}

func TestAnUnknownUserIsAWarning(t *testing.T) {
	t.Parallel()
	for _, spoil := range []func(f *fixture) error{
		func(f *fixture) error { return f.Files.Remove("/var/lib/waagent/ovf-env.xml") },
		func(f *fixture) error {
			return f.Files.WriteAtomic("/var/lib/waagent/ovf-env.xml", []byte("<x"), 0o600)
		},
	} {
		f := provisioned(t, distro.Info{ID: "debian", Version: "12"}, "bob")
		assert.NilError(t, spoil(f))
		f.User = true
		assert.Equal(t, f.Run(t.Context()), 0)
		assert.Assert(t, cmp.Contains(f.out.String(), "WARNING! No user will be deleted."))
		assert.Assert(t, !f.Files.Exists("/var/lib/waagent/provisioned"))
	}
}

func TestWhatHadToGoAndStayedIsNamed(t *testing.T) {
	t.Parallel()
	f := provisioned(t, distro.Info{ID: "debian", Version: "12"}, "bob")
	m := hosttest.New(t, f.Files.Root, hosttest.Missing("getent"), hosttest.OK("systemctl stop walinuxagent", ""), hosttest.Fail("userdel -f -r bob", 8, "in use"))
	f.Machine, f.User = m, true
	assert.NilError(t, f.Files.MkdirAll("/etc/ssh/ssh_host_x_key", 0o755)) // a folder: "delete" takes files only
	assert.Equal(t, f.Run(t.Context()), 1)
	for _, want := range []string{"the account bob is still there", "/home/bob is still there", "/etc/ssh/ssh_host_x_key is still there"} {
		assert.Assert(t, cmp.Contains(f.out.String(), "ERROR! "+want))
	}
	assert.Assert(t, !f.Files.Exists("/var/lib/waagent/provisioned")) // the rest went on
}

func TestTheResourceDiskIsLeftAsItWasFound(t *testing.T) {
	t.Parallel()
	f := provisioned(t, distro.Info{ID: "debian", Version: "12"}, "bob")
	left := 0
	f.ResourceDisk = &ResourceDisk{
		Traces: func(context.Context) []string { return []string{"/mnt/resource/swapfile"} },
		Leave: func(context.Context) error {
			left++
			assert.Check(t, f.Files.Exists("/var/lib/waagent/provisioned"), "the record of the disk is needed for leaving it")
			return nil
		},
	}
	f.In = strings.NewReader("n\n")
	assert.Equal(t, f.Run(t.Context()), 0)
	assert.Assert(t, cmp.Contains(f.out.String(), "  /mnt/resource/swapfile\n"))
	assert.Equal(t, left, 0)
	f.Force = true
	assert.Equal(t, f.Run(t.Context()), 0)
	assert.Equal(t, left, 1)
	f.ResourceDisk.Traces = func(context.Context) []string { return nil }
	assert.Equal(t, f.Run(t.Context()), 0)
	assert.Equal(t, left, 1)
}

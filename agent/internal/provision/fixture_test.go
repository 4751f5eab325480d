package provision

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/config"
	"github.com/waagent-go/waagent/agent/internal/distro"
	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
	"github.com/waagent-go/waagent/agent/machine"
	"github.com/waagent-go/waagent/agent/protocol/ovfenv"
	"github.com/waagent-go/waagent/agent/protocol/secret"
)

const (
	vmID     = "d0df4c54-4ecb-4a4b-9954-5bdf3ed5c3b8"
	password = "tr0ub4dor&3"
	// userKey is made up: the blob says what it is and nothing more.
	userKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f bob@example"
	mainSSH = "Include /etc/ssh/sshd_config.d/*.conf\nPasswordAuthentication yes\nMatch User git\n  PasswordAuthentication no\n"
)

// vm is a machine before its first boot, with media in its drive.
type vm struct {
	*Provisioner
	m       *hosttest.Script
	env     ovfenv.Environment
	log     *bytes.Buffer
	reports *reports
	events  *events
	runs    int // of custom data
}

func newVM(t *testing.T) *vm {
	t.Helper()
	v := &vm{log: &bytes.Buffer{}, reports: &reports{}, events: &events{}}
	v.env = ovfenv.Environment{
		Version: "1.0",
		Linux: ovfenv.LinuxProvisioning{
			HostName: "web01", UserName: "bob", UserPassword: secret.New(password), DisableSSHPasswordAuthentication: true,
			PublicKeys: []ovfenv.PublicKey{{Path: "$HOME/bob/.ssh/authorized_keys", Value: userKey}},
			CustomData: secret.New("IyEvYmluL3NoCg=="),
		},
		Platform: ovfenv.PlatformSettings{ProvisionGuestAgent: true},
	}
	root := t.TempDir()
	v.m = hosttest.New(t, root, v.answers()...)
	v.m.OnMount = v.mount
	v.m.Handler = func(context.Context, machine.HandlerCommand) (machine.CommandEnd, error) {
		v.runs++
		return machine.CommandEnd{}, nil
	}
	files := v.m.Files()
	for name, text := range map[string]string{
		"/dev/sr0": strings.Repeat("a disc", 100), "/etc/hostname": "localhost\n", "/etc/passwd": "root:x:0:0::/root:/bin/sh\n",
		"/etc/shadow": "root:x:1::::::\n", "/etc/login.defs": "UID_MIN 1000\n", "/etc/ssh/sshd_config": mainSSH,
		"/etc/ssh/sshd_config.d/50-cloud.conf": "passwordauthentication YES\n", "/etc/ssh/ssh_host_rsa_key": "old",
		"/etc/sudoers.d/README": "", "/sys/class/dmi/id/product_uuid": "544CDFD0-CB4E-4B4A-9954-5BDF3ED5C3B8\n",
		"/home/README": "", "/var/run/x": "",
	} {
		put(t, files, name, text)
	}
	conf, err := config.Parse([]byte("#\n"), config.DocumentedDefaults)
	assert.NilError(t, err)
	v.Provisioner = &Provisioner{
		Files: files, Machine: v.m, Family: distro.Lookup(distro.Info{ID: "debian", Version: "12"}), Config: conf.Config,
		Log:    slog.New(slog.NewTextHandler(io.MultiWriter(v.log, t.Output()), &slog.HandlerOptions{Level: slog.LevelDebug})),
		Events: v.events, Reporter: v.reports, Version: "3.0.0.0",
	}
	return v
}

func put(t *testing.T, files host.Files, name, text string) {
	t.Helper()
	assert.NilError(t, files.MkdirAll(filepath.Dir(name), 0o755))
	assert.NilError(t, files.WriteAtomic(name, []byte(text), 0o644))
}

// answers are the programs of a small Debian.
func (v *vm) answers() []hosttest.Answer {
	useradd := hosttest.OK("useradd -m bob -s /bin/bash", "")
	useradd.Do = func(machine.Command) error {
		old, _ := v.Files.ReadFile("/etc/passwd")
		return v.Files.WriteAtomic("/etc/passwd", append(old, "bob:x:1000:1001::/home/bob:/bin/bash\n"...), 0o644)
	}
	keygen := hosttest.OK("ssh-keygen -q -N * -t rsa -f *", "")
	keygen.Argv[3] = "*"
	keygen.Do = func(c machine.Command) error {
		name := c.Argv[len(c.Argv)-1]
		if err := v.Files.WriteAtomic(name, []byte("private"), 0o600); err != nil {
			return err
		}
		return v.Files.WriteAtomic(name+".pub", []byte("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQA= root@web01\n"), 0o644)
	}
	return []hosttest.Answer{
		hosttest.Fail("systemctl is-enabled cloud-init-local.service", 1, ""), hosttest.Missing("service"), hosttest.Missing("getent"),
		useradd, hosttest.OK("chpasswd -e", ""), keygen, hosttest.OK("sshd -t -f /etc/ssh/sshd_config", ""),
		hosttest.OK("systemctl --job-mode=ignore-dependencies try-restart ssh", ""), hosttest.Missing("getenforce"),
		hosttest.OK("sudo", ""), hosttest.Fail("systemctl is-failed --quiet ssh", 1, ""),
	}
}

// mount is the kernel putting the disc at its place.
func (v *vm) mount(m machine.Mount) error {
	if m.Source != "/dev/sr0" {
		return fmt.Errorf("mount %s: no medium found", m.Source)
	}
	data, err := v.env.Marshal()
	if err != nil {
		return err
	}
	return v.Files.WriteAtomic(m.Target+"/ovf-env.xml", data, 0o444)
}

func (v *vm) text(t *testing.T, name string) string {
	t.Helper()
	data, err := v.Files.ReadFile(name)
	assert.NilError(t, err)
	return string(data)
}

func (v *vm) mode(t *testing.T, name string) os.FileMode {
	t.Helper()
	info, err := v.Files.Stat(name)
	assert.NilError(t, err)
	return info.Mode().Perm()
}

// reports are what the fabric was told.
type reports struct {
	mu   sync.Mutex
	list []string
}

func (r *reports) NotReady(_ context.Context, sub, description string) {
	r.add("NotReady/" + sub + "/" + description)
}
func (r *reports) Ready(context.Context) { r.add("Ready") }

func (r *reports) add(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, s)
}

func (r *reports) String() string { return strings.Join(r.list, "\n") }

// events are what telemetry was told.
type events struct {
	mu   sync.Mutex
	list []event.Event
}

func (e *events) Add(ev event.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, ev)
}

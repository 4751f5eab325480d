package provision

import (
	"log/slog"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/agent/internal/config"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
	"github.com/waagent-go/waagent/agent/machine"
)

// with puts answers before those of the small Debian.
func (v *vm) with(t *testing.T, answers ...hosttest.Answer) {
	t.Helper()
	v.m = hosttest.New(t, v.Files.Root, append(answers, v.answers()...)...)
	v.m.OnMount, v.Machine = v.mount, v.m
}

func TestWhatSSHDRefusesIsPutBack(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	v.Config.OS.SSHClientAliveInterval = "often"
	refuse := hosttest.Fail("sshd -t -f /etc/ssh/sshd_config", 255, "bad ClientAliveInterval")
	refuse.Once = true // and what is put back is accepted
	v.with(t, refuse)
	_, err := v.Run(t.Context())
	assert.ErrorContains(t, err, "sshd refuses its new configuration, the old one is back")
	assert.Assert(t, cmp.Contains(v.reports.String(), "bad ClientAliveInterval"))
	assert.Equal(t, v.text(t, "/etc/ssh/sshd_config"), mainSSH)
	assert.Equal(t, v.text(t, "/etc/ssh/sshd_config.d/50-cloud.conf"), "passwordauthentication YES\n")
}

func TestAConfigurationThatWasBrokenBeforeIsLeftAlone(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	v.with(t, hosttest.Fail("sshd -t -f /etc/ssh/sshd_config", 255, "line 3: Bad configuration option"))
	_, err := v.Run(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, v.text(t, "/etc/ssh/sshd_config"), mainSSH)
	assert.Assert(t, cmp.Contains(v.log.String(), "was refused before it was edited"))
}

func TestSSHDsMissingFolderIsMade(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	missing := hosttest.Fail("sshd -t -f /etc/ssh/sshd_config", 255, "Missing privilege separation directory: /run/sshd\r\n")
	missing.Once = true
	v.with(t, missing)
	_, err := v.Run(t.Context())
	assert.NilError(t, err)
	checkProvisioned(t, v)
	assert.Assert(t, v.Files.Exists("/run/sshd"))
}

func TestAnEditThatWasCutOffIsUndoneAndDoneAgain(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	b := &firstBoot{Provisioner: v.Provisioner, env: v.env}
	edited, err := b.edited("/etc/ssh/sshd_config")
	assert.NilError(t, err)
	assert.NilError(t, v.Files.MkdirAll("/var/lib/waagent/state", 0o700))
	assert.NilError(t, b.saveSSHD(edited))
	put(t, v.Files, "/etc/ssh/sshd_config", "Half")
	_, err = v.Run(t.Context())
	assert.NilError(t, err)
	checkProvisioned(t, v)
}

func TestAMachineWithoutSSHIsProvisionedAllTheSame(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	assert.NilError(t, v.Files.RemoveAll("/etc/ssh"))
	v.with(t, hosttest.Missing("ssh-keygen"), hosttest.Missing("sshd"))
	out, err := v.Run(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, out.State, Provisioned)
	assert.Equal(t, out.Fingerprint, "")
	assert.Assert(t, cmp.Contains(v.log.String(), "ssh-keygen is not installed"))
}

func TestHostKeyTypes(t *testing.T) {
	t.Parallel()
	const public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f root@x\n"
	tests := map[string]struct {
		kind  string
		regen bool
		dir   string
		calls []string
		log   string
	}{
		"auto":               {kind: "auto", regen: true, dir: "/etc/ssh", calls: []string{"ssh-keygen -A"}, log: "reporting another"},
		"auto elsewhere":     {kind: "auto", regen: true, dir: "/opt/ssh", calls: []string{"-t rsa -f /opt/ssh/ssh_host_rsa_key", "-t ecdsa", "-t ed25519"}},
		"ed25519":            {kind: "ed25519", regen: true, dir: "/etc/ssh", calls: []string{"-t ed25519 -f /etc/ssh/ssh_host_ed25519_key"}},
		"dsa is no more":     {kind: "dsa", regen: true, dir: "/etc/ssh", calls: []string{"-t dsa", "-t rsa"}, log: "no longer makes dsa keys"},
		"kept as they are":   {kind: "rsa", regen: false, dir: "/etc/ssh", log: "reporting another"},
		"none and none made": {kind: "rsa", regen: false, dir: "/opt/ssh", calls: []string{"-t rsa", "-t ecdsa", "-t ed25519"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVM(t)
			v.Config.Provisioning.SSHHostKeyPairType, v.Config.Provisioning.RegenerateSSHHostKeyPair = tc.kind, tc.regen
			v.Config.OS.SSHDir = tc.dir
			assert.NilError(t, v.Files.MkdirAll("/opt/ssh", 0o755))
			put(t, v.Files, "/etc/ssh/ssh_host_ed25519_key.pub", public)
			write := func(c machine.Command) error {
				if c.Argv[1] == "-A" {
					return v.Files.WriteAtomic("/etc/ssh/ssh_host_ed25519_key.pub", []byte(public), 0o644)
				}
				return v.Files.WriteAtomic(c.Argv[len(c.Argv)-1]+".pub", []byte(public), 0o644)
			}
			v.with(t,
				hosttest.Answer{Argv: []string{"ssh-keygen", "-q", "-N", "", "-t", "dsa", "..."}, Code: 1, Stderr: "unknown key type dsa"},
				hosttest.Answer{Argv: []string{"ssh-keygen", "..."}, Do: write}, hosttest.OK("sshd ...", ""))
			out, err := v.Run(t.Context())
			assert.NilError(t, err)
			assert.Assert(t, strings.HasPrefix(out.Fingerprint, "SHA256") && len(out.Fingerprint) == 49, out.Fingerprint)
			var keygens []string
			for _, c := range v.m.Calls() {
				if strings.HasPrefix(c, "ssh-keygen") {
					keygens = append(keygens, c)
				}
			}
			assert.Equal(t, len(keygens), len(tc.calls))
			for i, want := range tc.calls {
				assert.Assert(t, cmp.Contains(keygens[i], want))
			}
			assert.Assert(t, cmp.Contains(v.log.String(), tc.log))
		})
	}
}

func TestAnSSHDThatGaveUpWithoutKeysIsStarted(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	v.with(t, hosttest.OK("systemctl is-failed --quiet ssh", ""), hosttest.OK("systemctl reset-failed ssh", ""),
		hosttest.OK("systemctl --no-block start ssh", ""))
	_, err := v.Run(t.Context())
	assert.NilError(t, err)
	assert.Assert(t, cmp.Contains(strings.Join(v.m.Calls(), "\n"), "systemctl reset-failed ssh\nsystemctl --no-block start ssh"))
}

func TestASavedConfigurationThatHasNoPlaceAnyMoreStopsNothing(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	assert.NilError(t, v.Files.MkdirAll("/var/lib/waagent/state", 0o700))
	put(t, v.Files, "/var/lib/waagent/state/sshd-backup.json", `{"/etc/ssh/gone/50.conf": "eA=="}`)
	_, err := v.Run(t.Context())
	assert.NilError(t, err)
	checkProvisioned(t, v)
	assert.Assert(t, cmp.Contains(v.log.String(), "cannot be put back"))
	assert.Assert(t, !v.Files.Exists("/var/lib/waagent/state/sshd-backup.json"))
}

// FuzzSSHDBackup finds a foreign file where the saved configuration lies. It is used up, whatever it is.
func FuzzSSHDBackup(f *testing.F) {
	for _, text := range []string{`{"/etc/ssh/sshd_config": "UG9ydCAyMgo="}`, `{"": "eA=="}`, `{"/etc/ssh": ""}`, `null`, `[]`, ``, `{"/a/b": null}`, `{"x": 5}`} {
		f.Add([]byte(text))
	}
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		p := &Provisioner{Files: host.Files{Root: root}, Config: config.Config{LibDir: "/lib"}, Log: slog.New(slog.DiscardHandler)}
		b := &firstBoot{Provisioner: p}
		assert.NilError(t, p.Files.MkdirAll("/lib/state", 0o700))
		assert.NilError(t, p.Files.WriteAtomic(p.lib(backupFile), data, 0o600))
		assert.NilError(t, b.restoreLeft())
		assert.Assert(t, !p.Files.Exists(p.lib(backupFile)))
	})
}

package provision

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
	"github.com/waagent-go/waagent/agent/machine"
	"github.com/waagent-go/waagent/agent/protocol/ovfenv"
	"github.com/waagent-go/waagent/agent/protocol/secret"
)

// checkProvisioned looks at all that a first boot leaves.
func checkProvisioned(t *testing.T, v *vm) {
	t.Helper()
	assert.Equal(t, v.text(t, "/etc/hostname"), "web01")
	assert.Equal(t, v.m.Name, "web01")
	assert.Equal(t, strings.Count(v.text(t, "/etc/passwd"), "\nbob:"), 1)
	assert.Equal(t, v.text(t, "/etc/sudoers.d/waagent"), "bob ALL=(ALL) ALL\n")
	assert.Equal(t, v.text(t, "/home/bob/.ssh/authorized_keys"), userKey+"\n")
	assert.Equal(t, v.mode(t, "/home/bob/.ssh/authorized_keys"), os.FileMode(0o644))
	assert.Equal(t, v.mode(t, "/home/bob/.ssh"), os.FileMode(0o700))
	for _, name := range []string{"/home/bob/.ssh", "/home/bob/.ssh/authorized_keys"} {
		owner, _ := v.m.Owner(name)
		assert.DeepEqual(t, owner, hosttest.Owner{UID: 1000, GID: 1001})
	}
	assert.Equal(t, v.text(t, "/etc/ssh/sshd_config"), "Include /etc/ssh/sshd_config.d/*.conf\nPasswordAuthentication no\n"+
		"ChallengeResponseAuthentication no\nClientAliveInterval 180\nMatch User git\n  PasswordAuthentication no\n")
	assert.Equal(t, v.text(t, "/etc/ssh/sshd_config.d/50-cloud.conf"), "PasswordAuthentication no\n")
	assert.Equal(t, v.text(t, "/etc/ssh/ssh_host_rsa_key"), "private")
	assert.Equal(t, v.text(t, "/var/lib/waagent/provisioned"), strings.ToUpper(vmID))
	assert.Assert(t, !strings.Contains(v.text(t, "/var/lib/waagent/ovf-env.xml"), "tr0ub4dor"))
	assert.Equal(t, v.mode(t, "/var/lib/waagent"), os.FileMode(0o700))
	mounts, err := v.m.Mounts()
	assert.NilError(t, err)
	assert.Equal(t, len(mounts), 0)
	assert.Assert(t, cmp.Contains(v.m.Ejected(), "/dev/sr0"))
	assert.Assert(t, !v.Files.Exists("/var/lib/waagent/state/sshd-backup.json"))
}

func TestAFirstBootLeavesWhatTheDVDSays(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	published := ""
	v.Publish = func(_ context.Context, name string) error { published = name; return errors.New("no DHCP client") }
	out, err := v.Run(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, out.State, Provisioned)
	assert.Equal(t, out.HostName+" "+out.UserName, "web01 bob")
	assert.Assert(t, strings.HasPrefix(out.Fingerprint, "SHA256") && !strings.Contains(out.Fingerprint, ":"))
	checkProvisioned(t, v)
	assert.Equal(t, published, "web01")
	assert.Equal(t, v.reports.String(), "NotReady/Provisioning/Starting\nReady")
	assert.Equal(t, v.text(t, "/var/lib/waagent/CustomData"), "IyEvYmluL3NoCg==")
	last := v.events.list[len(v.events.list)-1]
	assert.Equal(t, last.Operation, "Provision")
	assert.Assert(t, last.Success && strings.HasPrefix(last.Message, "Provisioning succeeded ("), last.Message)
	assert.Assert(t, cmp.Contains(v.log.String(), "filesystem=udf,iso9660,vfat reader=kernel"))
	assert.Assert(t, !strings.Contains(v.log.String(), password))
	for _, c := range v.m.Commands() {
		assert.Assert(t, !strings.Contains(strings.Join(c.Argv, " "), password))
		assert.Assert(t, !strings.Contains(string(c.Stdin), password))
	}
}

func TestASecondStartDoesNothing(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	_, err := v.Run(t.Context())
	assert.NilError(t, err)
	assert.NilError(t, v.Acknowledge())
	calls, reports := len(v.m.Calls()), v.reports.String()
	out, err := v.Run(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, out.State, Already)
	assert.Equal(t, v.reports.String(), reports)
	for _, c := range v.m.Calls()[calls:] {
		assert.Assert(t, strings.HasPrefix(c, "systemctl is-enabled") || strings.HasPrefix(c, "service "), c)
	}
}

func TestReadyIsReportedAgainUntilTheFabricHasIt(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	_, err := v.Run(t.Context())
	assert.NilError(t, err)
	out, err := v.Run(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, out.State, Provisioned)
	assert.Equal(t, strings.Count(v.reports.String(), "\nReady"), 2)
}

// TestDeathAnywhereIsSurvived cuts the boot off before each of its steps and writes in turn, then starts again.
func TestDeathAnywhereIsSurvived(t *testing.T) {
	t.Parallel()
	dead := errors.New("dead")
	for cut, over := 1, false; !over; cut++ {
		t.Run(fmt.Sprint(cut), func(t *testing.T) {
			v := newVM(t)
			v.Config.Provisioning.ExecuteCustomData = true
			n := 0
			v.Failpoint = func(string) error {
				if n++; n == cut {
					return dead
				}
				return nil
			}
			_, err := v.Run(t.Context())
			over = n < cut
			if !over {
				assert.ErrorIs(t, err, dead)
				assert.Assert(t, !strings.Contains(v.reports.String(), "Ready\n") && !strings.HasSuffix(v.reports.String(), "\nReady"))
				assert.Assert(t, !strings.Contains(v.reports.String(), "Failed"))
			}
			_, err = v.Run(t.Context())
			assert.NilError(t, err)
			checkProvisioned(t, v)
			assert.Assert(t, v.runs >= 1)
			assert.Assert(t, strings.HasSuffix(v.reports.String(), "Ready"))
		})
	}
}

func TestFailuresReachTheFabricInWordsForPeople(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(t *testing.T, v *vm)
		want  string
	}{
		"no drive":    {func(t *testing.T, v *vm) { assert.NilError(t, v.Files.Remove("/dev/sr0")) }, "there is no optical drive"},
		"no document": {func(_ *testing.T, v *vm) { v.m.OnMount = nil }, "/dev/sr0: it holds no ovf-env.xml"},
		"broken document": {func(_ *testing.T, v *vm) {
			v.m.OnMount = func(m machine.Mount) error {
				return v.Files.WriteAtomic(m.Target+"/ovf-env.xml", []byte("<Environment>"), 0o444)
			}
		}, "understand the provisioning media"},
		"no user":       {func(_ *testing.T, v *vm) { v.env.Linux.UserName = "" }, "missing or empty: UserName"},
		"odd user":      {func(_ *testing.T, v *vm) { v.env.Linux.UserName = "bob smith" }, "holds ' '"},
		"odd host name": {func(_ *testing.T, v *vm) { v.env.Linux.HostName = strings.Repeat("x", 65) }, "cannot be set"},
		"bad key":       {func(_ *testing.T, v *vm) { v.env.Linux.PublicKeys[0].Value = "ssh-rsa !!" }, "the ssh-rsa key is damaged"},
		"no certificate": {func(_ *testing.T, v *vm) {
			v.env.Linux.PublicKeys[0] = ovfenv.PublicKey{Path: "/home/bob/.ssh/x", Fingerprint: "AB"}
		}, "certificates of this VM cannot be fetched"},
		"system account": {func(_ *testing.T, v *vm) { v.env.Linux.UserName = "root" }, "it is a system account (uid 0)"},
		"cloud-init too": {func(_ *testing.T, v *vm) {
			v.Config.Provisioning.Agent = "waagent"
			v.m = hosttest.New(t, v.Files.Root, hosttest.OK("systemctl is-enabled cloud-init-local.service", "enabled\n"))
			v.Machine = v.m
		}, "cloud-init is enabled"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := newVM(t)
				tc.spoil(t, v)
				out, err := v.Run(t.Context())
				assert.Equal(t, out.State, Failed)
				assert.ErrorContains(t, err, tc.want)
				last := v.reports.list[len(v.reports.list)-1]
				assert.Assert(t, strings.HasPrefix(last, "NotReady/ProvisioningFailed/[ProvisionError] Failed to provision: "), last)
				assert.Assert(t, cmp.Contains(last, tc.want))
				assert.Assert(t, !v.Files.Exists("/var/lib/waagent/provisioned"))
				assert.Equal(t, len(v.m.Ejected()), 0) // the next start needs the disc
				event := v.events.list[len(v.events.list)-1]
				assert.Assert(t, event.Operation == "Provision" && !event.Success)
			})
		})
	}
}

func TestWithoutAPasswordSudoDoesNotAsk(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	v.env.Linux.UserPassword = secret.Text{}
	_, err := v.Run(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, v.text(t, "/etc/sudoers.d/waagent"), "bob ALL=(ALL) NOPASSWD: ALL\n")
	assert.Assert(t, !strings.Contains(strings.Join(v.m.Calls(), "\n"), "chpasswd"))
}

func TestTheGuestAgentCanBeDeclined(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	v.env.Platform.ProvisionGuestAgent = false
	_, err := v.Run(t.Context())
	assert.NilError(t, err)
	assert.Assert(t, v.Files.Exists("/var/lib/waagent/disable_agent"))
	assert.Assert(t, cmp.Contains(v.log.String(), "Disabling guest agent in accordance with ovf-env.xml"))
	assert.Assert(t, strings.HasSuffix(v.reports.String(), "Ready"))
}

func TestCustomDataRunsLastAndMayFail(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	v.Config.Provisioning.ExecuteCustomData = true
	v.m.Handler = func(_ context.Context, c machine.HandlerCommand) (machine.CommandEnd, error) {
		assert.Assert(t, v.Files.Exists("/var/lib/waagent/provisioned"))
		assert.Assert(t, !strings.Contains(v.reports.String(), "\nReady"))
		assert.Equal(t, c.Line, v.Files.Root+"/var/lib/waagent/CustomData")
		return machine.CommandEnd{ExitCode: 3}, nil
	}
	_, err := v.Run(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, v.text(t, "/var/lib/waagent/CustomData"), "#!/bin/sh\n")
	assert.Equal(t, v.mode(t, "/var/lib/waagent/CustomData"), os.FileMode(0o700))
	assert.Assert(t, strings.HasSuffix(v.reports.String(), "\nReady"))
	failed := v.events.list[0]
	assert.Assert(t, failed.Operation == "CustomData" && !failed.Success)
}

func TestACloneProvisionsAgainOnlyWithMedia(t *testing.T) {
	t.Parallel()
	for _, media := range []bool{true, false} {
		v := newVM(t)
		put(t, v.Files, "/var/lib/waagent/provisioned", "11111111-2222-3333-4444-555555555555")
		put(t, v.Files, "/var/lib/waagent/Contoso.Hello-1.0/mrseq", "7")
		put(t, v.Files, "/var/lib/waagent/Contoso.Hello-1.0/status/7.status", "[]")
		put(t, v.Files, "/var/lib/waagent/Contoso.Hello-1.0/config/HandlerState", "Enabled")
		put(t, v.Files, "/var/lib/dhcp/dhclient.eth0.leases", "lease {}")
		if !media {
			assert.NilError(t, v.Files.Remove("/dev/sr0"))
		}
		_, err := v.Run(t.Context())
		assert.NilError(t, err)
		assert.Equal(t, v.Files.Exists("/home/bob/.ssh"), media)
		assert.Assert(t, !v.Files.Exists("/var/lib/waagent/Contoso.Hello-1.0/mrseq"))
		assert.Assert(t, !v.Files.Exists("/var/lib/waagent/Contoso.Hello-1.0/status/7.status"))
		assert.Assert(t, v.Files.Exists("/var/lib/waagent/Contoso.Hello-1.0/config/HandlerState"))
		assert.Assert(t, !v.Files.Exists("/var/lib/dhcp/dhclient.eth0.leases"))
		assert.Equal(t, v.text(t, "/var/lib/waagent/provisioned"), strings.ToUpper(vmID))
		assert.Assert(t, strings.HasSuffix(v.reports.String(), "Ready"))
	}
}

func TestADisabledAgentChangesNothing(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	v.Config.Provisioning.Agent = "disabled"
	out, err := v.Run(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, out.State, Disabled)
	assert.Equal(t, v.reports.String(), "Ready")
	assert.Equal(t, v.text(t, "/etc/hostname"), "localhost\n")
	assert.Assert(t, ProvisionedByAnother(v.Files, "/var/lib/waagent"))
}

func TestTheMarkOfAnotherAgentIsSeen(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	assert.Assert(t, !ProvisionedByAnother(v.Files, "/var/lib/waagent"))
	_, err := v.Run(t.Context())
	assert.NilError(t, err)
	assert.Assert(t, !ProvisionedByAnother(v.Files, "/var/lib/waagent"))
	put(t, v.Files, "/other/provisioned", vmID)
	assert.Assert(t, ProvisionedByAnother(v.Files, "/other"))
}

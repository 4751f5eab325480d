package provision

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
	"github.com/waagent-go/waagent/agent/protocol/secret"
)

func TestFlavours(t *testing.T) {
	t.Parallel()
	enabled, runtime, absent := "enabled\n", "enabled-runtime\n", ""
	tests := []struct {
		provisioning bool
		agent        string
		cloudInit    string
		want         Flavour
	}{
		{true, "auto", enabled, FlavourCloudInit}, {true, "auto", runtime, FlavourAgent}, {true, "auto", absent, FlavourAgent},
		{true, "waagent", absent, FlavourAgent}, {true, "waagent", enabled, FlavourAgent}, {true, "cloud-init", absent, FlavourCloudInit},
		{true, "disabled", enabled, FlavourNone},
		{false, "auto", enabled, FlavourCloudInit}, {false, "waagent", absent, FlavourNone}, {false, "auto", absent, FlavourNone},
	}
	for _, tc := range tests {
		v := newVM(t)
		v.with(t, hosttest.OK("systemctl is-enabled cloud-init-local.service", tc.cloudInit))
		v.Config.Provisioning.Enabled, v.Config.Provisioning.Agent = tc.provisioning, tc.agent
		assert.Equal(t, v.Flavour(t.Context()), tc.want, "%+v", tc)
	}
	v := newVM(t)
	v.with(t, hosttest.Missing("systemctl"), hosttest.OK("service cloud-init status", "running"))
	assert.Equal(t, v.Flavour(t.Context()), FlavourCloudInit)
}

func TestACloudInitThatIsSwitchedOffIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		cmdline string
		file    bool
		want    Flavour
	}{
		{"ro quiet", false, FlavourCloudInit}, {"ro cloud-init=disabled", false, FlavourAgent}, {"ro", true, FlavourAgent},
		{"cloud-init=enabled", true, FlavourCloudInit},
	} {
		v := newVM(t)
		v.with(t, hosttest.OK("systemctl is-enabled cloud-init-local.service", "enabled\n"))
		put(t, v.Files, "/proc/cmdline", tc.cmdline+"\n")
		if tc.file {
			put(t, v.Files, "/etc/cloud/cloud-init.disabled", "")
		}
		assert.Equal(t, v.Flavour(t.Context()), tc.want, "%+v", tc)
	}
}

func TestCloudInitIsFollowedWithoutAWordToTheFabric(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newVM(t)
		v.Config.Provisioning.Agent = "cloud-init"
		assert.NilError(t, v.Files.Remove("/etc/ssh/ssh_host_rsa_key"))
		v.env.Linux.UserPassword = secret.New("REDACTED")
		document, err := v.env.Marshal()
		assert.NilError(t, err)
		time.AfterFunc(70*time.Second, func() {
			_ = v.Files.WriteAtomic("/var/lib/waagent/ovf-env.xml", document, os.FileMode(0o600))
		})
		time.AfterFunc(89900*time.Millisecond, func() {
			_ = v.Files.WriteAtomic("/etc/ssh/ssh_host_rsa_key.pub", []byte("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQA= x\n"), 0o644)
		})
		begun := time.Now()
		out, err := v.Run(t.Context())
		assert.NilError(t, err)
		assert.Equal(t, time.Since(begun), 90*time.Second)
		assert.Equal(t, out.State, Followed)
		assert.Equal(t, out.UserName, "bob")
		assert.Equal(t, v.reports.String(), "")
		assert.Equal(t, v.text(t, "/etc/hostname"), "localhost\n")
		assert.Equal(t, v.text(t, "/var/lib/waagent/provisioned"), strings.ToUpper(vmID))
		assert.Equal(t, strings.Count(v.log.String(), "Waiting for cloud-init"), 4) // the document: 0, 20, 40 s; the key: 0
		assert.Assert(t, cmp.Contains(v.log.String(), "cloud-init seems to be disabled"))
		out, err = v.Run(t.Context())
		assert.NilError(t, err)
		assert.Equal(t, out.State, Already)
		assert.Equal(t, v.reports.String(), "")
	})
}

func TestACloudInitThatNeverComesIsReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newVM(t)
		v.Config.Provisioning.Agent = "cloud-init"
		_, err := v.Run(t.Context())
		assert.ErrorContains(t, err, "cloud-init did not make /var/lib/waagent/ovf-env.xml in 30m0s")
		assert.Assert(t, cmp.Contains(v.reports.String(), "NotReady/ProvisioningFailed"))
	})
}

func TestTheProxyAgentIsWaitedForWhereItIsInstalled(t *testing.T) {
	t.Parallel()
	const status = "azure-proxy-agent --status --wait 120"
	tests := map[string]struct {
		answer hosttest.Answer
		fails  string
		log    string
	}{
		"installed": {answer: hosttest.OK(status, "")},
		"missing":   {answer: hosttest.Missing("azure-proxy-agent"), log: "azure-proxy-agent not found"},
		"failing":   {answer: hosttest.Fail(status, 1, "eBPF not attached"), fails: "azure-proxy-agent status failure"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVM(t)
			v.env.Platform.ProvisionGuestProxyAgent = true
			v.with(t, tc.answer)
			_, err := v.Run(t.Context())
			if tc.fails != "" {
				assert.ErrorContains(t, err, tc.fails)
				return
			}
			assert.NilError(t, err)
			assert.Assert(t, cmp.Contains(v.log.String(), tc.log))
		})
	}
}

func TestTheBreakdownReachesTheHypervisor(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	put(t, v.Files, kvpPool, "")
	_, err := v.Run(t.Context())
	assert.NilError(t, err)
	pool := v.text(t, kvpPool)
	assert.Equal(t, len(pool), kvpKeySize+kvpValueSize)
	assert.Assert(t, strings.HasPrefix(pool, "WALINUXAGENT_PROVISIONING_MS\x00"))
	assert.Assert(t, strings.HasPrefix(pool[kvpKeySize:], "boot=10000 provisioning="))
}

func TestARecordKeepsWhatANewerAgentWrote(t *testing.T) {
	t.Parallel()
	v := newVM(t)
	put(t, v.Files, "/var/lib/waagent/state/provisioning.json", `{"version":2,"vm":"x","device":"/dev/sr9","tomorrow":{"a":1}}`)
	assert.NilError(t, v.writeRecord(record{VM: "y"}))
	text := v.text(t, "/var/lib/waagent/state/provisioning.json")
	assert.Assert(t, cmp.Contains(text, `"tomorrow": {`))
	assert.Assert(t, !strings.Contains(text, "sr9"))
	v.Failpoint = func(string) error { return errors.New("dead") }
	assert.ErrorIs(t, v.writeRecord(record{}), errFailpoint)
}

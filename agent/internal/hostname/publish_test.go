package hostname

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/distro"
	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
)

// tree makes a root with the given files, beside what every machine here has.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	all := map[string]string{
		"/sys/class/net/eth0/ifindex": "2\n",
		"/proc/net/route":             "Iface\neth0 00000000 0100000A 0003 0 0 0 00000000 0 0 0\n",
		"/proc/77/comm":               "client\n",
	}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		path := filepath.Join(root, name)
		assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		assert.NilError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return root
}

func publisher(t *testing.T, root string, answers ...hosttest.Answer) (*Publisher, *hosttest.Script, *bytes.Buffer) {
	t.Helper()
	m := hosttest.New(t, root, answers...)
	var log bytes.Buffer
	announced := 0
	return &Publisher{
		Files: m.Files(), Machine: m, LibDir: "/var/lib/waagent", Log: slog.New(slog.NewTextHandler(&log, nil)),
		Announce: func(_ context.Context, iface, name string) error {
			announced++
			log.WriteString("announced " + iface + " " + name)
			return nil
		},
		HasAddress: func(string) bool { return true },
	}, m, &log
}

const (
	networkdLink = "# This is private data. Do not parse.\nADMIN_STATE=configured\nOPER_STATE=routable\nNETWORK_FILE=/run/systemd/network/10-netplan-eth0.network\n"
	nmDevice     = "[device]\nconnection-uuid=1b0c\nmanaged=true\nnm-owned=0\n"
	ownName      = "# a comment\n\nsend host-name = gethostname();\n"
)

func TestPublishingAsksTheStackThatIsInCharge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files     map[string]string
		row       distro.Family
		answers   []hosttest.Answer
		calls     string
		announced bool
	}{
		"networkd, once": {
			files:   map[string]string{"/run/systemd/netif/links/2": networkdLink},
			answers: []hosttest.Answer{hosttest.OK("systemctl restart systemd-networkd", "")},
			calls:   "systemctl restart systemd-networkd",
		},
		"networkd that does not manage this link": {
			files:   map[string]string{"/run/systemd/netif/links/2": "#\nADMIN_STATE=unmanaged\n", "/run/NetworkManager/devices/2": nmDevice},
			answers: []hosttest.Answer{hosttest.OK("nmcli device modify eth0 ipv4.dhcp-hostname web01", "")},
			calls:   "nmcli device modify eth0 ipv4.dhcp-hostname web01",
		},
		"NetworkManager without nmcli": {
			files:   map[string]string{"/run/NetworkManager/devices/2": nmDevice},
			answers: []hosttest.Answer{hosttest.Missing("nmcli")},
			calls:   "nmcli device modify eth0 ipv4.dhcp-hostname web01", announced: true,
		},
		"wicked": {
			files:   map[string]string{"/run/wicked/leaseinfo.eth0.dhcp.ipv4": "x", "/etc/sysconfig/network/dhcp": "A=1\n\nDHCLIENT_HOSTNAME_OPTION=\"AUTO\"\n"},
			answers: []hosttest.Answer{hosttest.OK("ifup eth0", "")},
			calls:   "ifup eth0",
		},
		"dhcpcd that sends the machine's name": {
			files:   map[string]string{"/run/dhcpcd/eth0.pid": "77\n", "/etc/dhcpcd.conf": "# x\nhostname\nclientid\n"},
			answers: []hosttest.Answer{hosttest.OK("dhcpcd -n eth0", "")},
			calls:   "dhcpcd -n eth0",
		},
		"dhcpcd that sends none": {
			files:   map[string]string{"/run/dhcpcd/eth0.pid": "77\n"},
			answers: []hosttest.Answer{hosttest.OK("dhcpcd -n eth0", "")},
			calls:   "dhcpcd -n eth0", announced: true,
		},
		"dhclient that sends the machine's name keeps the link": {
			files:     map[string]string{"/run/dhclient.eth0.pid": "77\n", "/etc/dhcp/dhclient.conf": ownName},
			announced: true,
		},
		"dhclient with a fixed name": {
			files:   map[string]string{"/run/dhclient.eth0.pid": "77\n", "/etc/dhcp/dhclient.conf": "send host-name \"old\";\n"},
			answers: []hosttest.Answer{hosttest.OK("ifdown eth0", ""), hosttest.OK("ifup eth0", "")},
			calls:   "ifdown eth0\nifup eth0", announced: true,
		},
		"a client that is gone": {files: map[string]string{"/run/dhclient.eth0.pid": "78\n"}},
		"nobody":                {},
		"FreeBSD": {
			row:     distro.Family{NICRestart: distro.NICFreeBSD},
			answers: []hosttest.Answer{hosttest.OK("/etc/rc.d/dhclient restart eth0", "")},
			calls:   "/etc/rc.d/dhclient restart eth0",
		},
		"OpenBSD": {
			row:     distro.Family{NICRestart: distro.NICOpenBSD},
			answers: []hosttest.Answer{hosttest.OK("/sbin/dhclient eth0", "")},
			calls:   "/sbin/dhclient eth0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := tree(t, c.files)
			p, m, log := publisher(t, root, c.answers...)
			p.Family = c.row
			assert.NilError(t, p.Publish(t.Context(), "web01"))
			assert.Equal(t, strings.Join(m.Calls(), "\n"), c.calls)
			assert.Equal(t, strings.Contains(log.String(), "announced eth0 web01"), c.announced, log)
			record, err := os.ReadFile(filepath.Join(root, "var/lib/waagent/published_hostname"))
			assert.NilError(t, err)
			assert.Equal(t, string(record), "web01")
		})
	}
}

func TestALostLinkIsBroughtBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, m, _ := publisher(t, tree(t, map[string]string{"/run/systemd/netif/links/2": networkdLink}),
			hosttest.OK("systemctl restart systemd-networkd", ""), hosttest.OK("networkctl reconfigure eth0", ""), hosttest.OK("ip link set eth0 up", ""))
		p.HasAddress = func(string) bool { return len(m.Calls()) == 3 }
		began := time.Now()
		assert.NilError(t, p.Publish(t.Context(), "web01"))
		assert.Assert(t, time.Since(began) >= addressLimit)
		assert.DeepEqual(t, m.Calls(), []string{"systemctl restart systemd-networkd", "networkctl reconfigure eth0", "ip link set eth0 up"})

		p.HasAddress = func(string) bool { return false }
		assert.ErrorContains(t, p.Publish(t.Context(), "web01"), "eth0 has lost its address")
	})
}

func TestConfigurationFilesAreEditedInPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ old, key, line, want string }{
		{"", "K=", "K=1", "K=1\n"},
		{"a\n\nb", "K=", "K=1", "a\n\nb\nK=1\n"},
		{"a\n\nK=0\nb\nK=2\n", "K=", "K=1", "a\n\nK=1\nb\n"},
		{"HOSTNAME_X=1\n", "HOSTNAME=", "HOSTNAME=w", "HOSTNAME_X=1\nHOSTNAME=w\n"},
	} {
		got := setLine(c.old, c.key, c.line)
		assert.Equal(t, got, c.want)
		assert.Equal(t, setLine(got, c.key, c.line), c.want, "the second time changes nothing")
	}
	assert.Equal(t, suseHostname("DHCLIENT_HOSTNAME_OPTION='AUTO'\n", "w"), "DHCLIENT_HOSTNAME_OPTION='AUTO'\n")
	assert.Equal(t, suseHostname("A=1\nDHCLIENT_HOSTNAME_OPTION=\"x\"\n", "w"), "A=1\nDHCLIENT_HOSTNAME_OPTION=\"w\"\n")
}

func TestTheMonitorPublishesAChangeOnce(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"/var/lib/waagent/published_hostname": "old\n", "/etc/hostname": "old\n"})
	m := hosttest.New(t, root)
	m.Name = "new"
	var log bytes.Buffer
	var published []string
	events := &sink{}
	mon := &Monitor{
		Files: host.Files{Root: root}, Machine: m, Family: distro.Family{Hostname: distro.HostnameFile}, LibDir: "/var/lib/waagent",
		Publish: func(_ context.Context, name string) error {
			published = append(published, name)
			return errors.New("no server")
		},
		Events: events, Log: slog.New(slog.NewTextHandler(&log, nil)),
	}
	assert.ErrorContains(t, mon.Check(t.Context()), "no server")
	assert.NilError(t, mon.Check(t.Context()))
	assert.DeepEqual(t, published, []string{"new"})
	assert.Assert(t, strings.Contains(log.String(), "Detected hostname change: old -> new"))
	kept, err := os.ReadFile(filepath.Join(root, "etc/hostname"))
	assert.NilError(t, err)
	assert.Equal(t, strings.TrimSpace(string(kept)), "new")
	assert.Equal(t, len(*events), 1)
	assert.Equal(t, (*events)[0].Operation, "HostnamePublishing")
}

type sink []event.Event

func (s *sink) Add(e event.Event) { *s = append(*s, e) }

func TestTheFirstRecordIsCloudInits(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{cloudInitName: `{"fqdn": "a.b", "hostname": "a"}`, "/var/lib/waagent/x": ""})
	m := hosttest.New(t, root)
	m.Name = "a"
	mon := &Monitor{Files: host.Files{Root: root}, Machine: m, LibDir: "/var/lib/waagent", Log: slog.New(slog.DiscardHandler)}
	assert.NilError(t, mon.Check(t.Context()))
	record, err := os.ReadFile(filepath.Join(root, "var/lib/waagent/published_hostname"))
	assert.NilError(t, err)
	assert.Equal(t, string(record), "a")
}

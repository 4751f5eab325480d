package firewall

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
	"github.com/waagent-go/waagent/agent/machine"
)

var endpoint = netip.MustParseAddr("168.63.129.16")

// inNamespace puts the test into a network of its own, where the fabric's address is on the loopback and answers on
// ports 80 and 53. The thread is thrown away with the test.
func inNamespace(t *testing.T) *host.Machine {
	t.Helper()
	m := host.New("/", nil)
	if os.Geteuid() != 0 || !m.Has("setpriv") || !m.Has("bash") {
		t.Skip("needs root, setpriv and bash")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skip("no network namespaces: ", err)
	}
	lo, err := netlink.LinkByName("lo")
	assert.NilError(t, err)
	assert.NilError(t, netlink.LinkSetUp(lo))
	addr, err := netlink.ParseAddr("168.63.129.16/32")
	assert.NilError(t, err)
	assert.NilError(t, netlink.AddrAdd(lo, addr))
	for _, port := range []string{":80", ":53"} {
		l, err := net.Listen("tcp4", endpoint.String()+port)
		assert.NilError(t, err)
		t.Cleanup(func() { l.Close() })
	}
	return m
}

// reaches reports whether a user can open a TCP connection to the fabric.
func reaches(t *testing.T, m *host.Machine, uid, port string) bool {
	t.Helper()
	argv := []string{"setpriv", "--reuid", uid, "--clear-groups", "bash", "-c", "exec 3<>/dev/tcp/" + endpoint.String() + "/" + port}
	_, err := m.Run(t.Context(), machine.Command{Argv: argv, Timeout: 300 * time.Millisecond})
	return err == nil
}

type sink []event.Event

func (s *sink) Add(e event.Event) { *s = append(*s, e) }

// only is a machine that has some programs and not others.
type only struct {
	*host.Machine
	renamed map[string]string
	ran     []string
}

func (o *only) Run(ctx context.Context, c machine.Command) (machine.Result, error) {
	if to, ok := o.renamed[c.Argv[0]]; ok {
		c.Argv = append([]string{to}, c.Argv[1:]...)
	}
	o.ran = append(o.ran, strings.Join(c.Argv, " "))
	return o.Machine.Run(ctx, c)
}

func TestOnlyRootReachesTheFabric(t *testing.T) {
	for name, c := range map[string]struct{ iptables, flush string }{
		"iptables over nftables": {"iptables-nft", "iptables-nft -t security -F"},
		"old iptables":           {"iptables-legacy", "iptables-legacy -t security -F"},
		"nftables alone":         {"/nonexistent/iptables", "nft flush ruleset"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &only{Machine: inNamespace(t), renamed: map[string]string{"iptables": c.iptables}}
			flush := strings.Fields(c.flush)
			if !strings.HasPrefix(c.iptables, "/") && !m.Has(c.iptables) || !m.Has(flush[0]) {
				t.Skip(c.iptables, " or ", flush[0], " is not installed")
			}
			var log bytes.Buffer
			events := &sink{}
			f := &Firewall{Machine: m, Files: host.Files{Root: "/"}, Endpoint: endpoint, Events: events, Log: slog.New(slog.NewTextHandler(&log, nil))}
			ctx := t.Context()
			assert.NilError(t, f.Setup(ctx), "%s", m.ran)
			assert.Assert(t, reaches(t, m.Machine, "0", "80"))
			assert.Assert(t, !reaches(t, m.Machine, "65534", "80"))
			assert.Assert(t, reaches(t, m.Machine, "65534", "53"))

			m.ran = nil
			assert.NilError(t, f.Check(ctx))
			assert.NilError(t, f.Check(ctx))
			assert.Equal(t, len(m.ran), 0, "nothing has changed, but programs ran: %q", m.ran)

			again := &Firewall{Machine: m, Files: f.Files, Endpoint: endpoint, Log: f.Log, Events: events}
			assert.NilError(t, again.Setup(ctx)) // a second agent start adds nothing
			assert.Assert(t, strings.Contains(log.String(), "in place"))

			_, err := m.Run(ctx, machine.Command{Argv: flush})
			assert.NilError(t, err)
			assert.Assert(t, reaches(t, m.Machine, "65534", "80"))
			assert.NilError(t, f.Check(ctx))
			assert.Assert(t, !reaches(t, m.Machine, "65534", "80"))
			assert.Equal(t, len(*events), 1)
			assert.Assert(t, (*events)[0].Success)

			assert.NilError(t, f.Remove(ctx))
			assert.Assert(t, reaches(t, m.Machine, "65534", "80"))
			found, err := f.b.check(ctx)
			assert.NilError(t, err)
			assert.Equal(t, found, none)
			assert.NilError(t, f.Remove(ctx)) // twice is fine
		})
	}
}

func TestAnotherWayIsFoundWhenTheProgramIsRemoved(t *testing.T) {
	m := &only{Machine: inNamespace(t), renamed: map[string]string{"iptables": "iptables"}}
	if !m.Has("iptables") {
		t.Skip("no iptables")
	}
	f := &Firewall{Machine: m, Files: host.Files{Root: "/"}, Endpoint: endpoint, Events: event.Discard{}, Log: slog.New(slog.DiscardHandler)}
	assert.NilError(t, f.Setup(t.Context()))
	_, err := m.Machine.Run(t.Context(), machine.Command{Argv: []string{"iptables", "-t", "security", "-F"}})
	assert.NilError(t, err)
	m.renamed["iptables"] = "/nonexistent/iptables"
	assert.NilError(t, f.Check(t.Context()))
	assert.Equal(t, f.b.name(), "nftables")
	assert.Assert(t, !reaches(t, m.Machine, "65534", "80"))
}

func TestTheDutyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t, t.TempDir(), hosttest.OK("iptables --version", "iptables v1.8.9 (nf_tables)"), hosttest.Missing("firewall-cmd"),
		hosttest.OK("iptables -w -t security -S OUTPUT", "-P OUTPUT ACCEPT\n-A OUTPUT -d 168.63.129.16/32 -p tcp -m tcp --dport 53 -j ACCEPT\n"+
			"-A OUTPUT -d 168.63.129.16/32 -p tcp -m owner --uid-owner 0 -j ACCEPT\n-A OUTPUT -d 168.63.129.16/32 -p tcp -m conntrack --ctstate INVALID,NEW -j DROP\n"),
		hosttest.Fail("iptables -w -t security -C OUTPUT ...", 1, ""))
	f := &Firewall{Machine: m, Files: m.Files(), Endpoint: endpoint, Events: event.Discard{}, Log: slog.New(slog.DiscardHandler), Period: time.Hour}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	select {
	case err := <-ended:
		assert.NilError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("the duty goes on after its end")
	}
}

func TestSomeOfTheRulesAreReplacedByAll(t *testing.T) {
	for name, spoil := range map[string][]string{
		"one is gone":     {"-D", "OUTPUT", "-d", "168.63.129.16", "-p", "tcp", "--destination-port", "53", "-j", "ACCEPT"},
		"the wrong order": {"-I", "OUTPUT", "-d", "168.63.129.16", "-p", "tcp", "-m", "conntrack", "--ctstate", "INVALID,NEW", "-j", "DROP"},
	} {
		t.Run(name, func(t *testing.T) {
			m := inNamespace(t)
			if !m.Has("iptables") {
				t.Skip("no iptables")
			}
			f := &Firewall{Machine: m, Files: host.Files{Root: "/"}, Endpoint: endpoint, Events: event.Discard{}, Log: slog.New(slog.DiscardHandler)}
			assert.NilError(t, f.Setup(t.Context()))
			_, err := m.Run(t.Context(), machine.Command{Argv: append([]string{"iptables", "-t", "security"}, spoil...)})
			assert.NilError(t, err)
			assert.NilError(t, f.Check(t.Context()))
			assert.Assert(t, reaches(t, m, "65534", "53"))
			assert.Assert(t, reaches(t, m, "0", "80"))
			assert.Assert(t, !reaches(t, m, "65534", "80"))
			listed, err := f.b.(*iptables).list(t.Context())
			assert.NilError(t, err)
			assert.Equal(t, len(listed), 4, "%q", listed) // the policy and three rules
		})
	}
}

// TestRulesThatFirewalldMakesToo: it makes those it was given while the agent has made its own.
func TestRulesThatFirewalldMakesTooAreThereOnce(t *testing.T) {
	m := inNamespace(t)
	if !m.Has("iptables") {
		t.Skip("no iptables")
	}
	var events sink
	f := &Firewall{Machine: m, Files: host.Files{Root: "/"}, Endpoint: endpoint, Events: &events, Log: slog.New(slog.DiscardHandler)}
	assert.NilError(t, f.Setup(t.Context()))
	for range 2 {
		assert.NilError(t, f.b.add(t.Context()))
	}
	assert.NilError(t, f.Check(t.Context()))
	listed, err := f.b.(*iptables).list(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, len(listed), 4, "%q", listed) // the policy and three rules
	assert.Equal(t, len(events), 1)
	assert.Equal(t, events[0].Message, "the firewall rules were there more than once")
	assert.NilError(t, f.Check(t.Context()))
	assert.Equal(t, len(events), 1)
}

// TestSomebodyChangesTheChainAtTheSameMoment: with each rule that is added another program adds the same.
func TestSomebodyChangesTheChainAtTheSameMoment(t *testing.T) {
	m := inNamespace(t)
	if !m.Has("iptables") {
		t.Skip("no iptables")
	}
	twice := &doubling{Machine: m, left: 3}
	f := &Firewall{Machine: twice, Files: host.Files{Root: "/"}, Endpoint: endpoint, Events: event.Discard{}, Log: slog.New(slog.DiscardHandler)}
	assert.NilError(t, f.Setup(t.Context()))
	listed, err := f.b.(*iptables).list(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, len(listed), 4, "%q", listed)
}

// doubling adds a rule twice, the first few times.
type doubling struct {
	*host.Machine
	left int
}

func (d *doubling) Run(ctx context.Context, c machine.Command) (machine.Result, error) {
	if slices.Contains(c.Argv, "-A") && d.left > 0 {
		d.left--
		if res, err := d.Machine.Run(ctx, c); err != nil {
			return res, err
		}
	}
	return d.Machine.Run(ctx, c)
}

// TestSomebodyFlushesTheChainWhileCopiesAreRemoved: firewalld does when it is told to load its rules again.
func TestSomebodyFlushesTheChainWhileCopiesAreRemoved(t *testing.T) {
	m := inNamespace(t)
	if !m.Has("iptables") {
		t.Skip("no iptables")
	}
	flushed := &flushing{Machine: m}
	f := &Firewall{Machine: flushed, Files: host.Files{Root: "/"}, Endpoint: endpoint, Events: event.Discard{}, Log: slog.New(slog.DiscardHandler)}
	assert.NilError(t, f.Setup(t.Context()))
	assert.NilError(t, f.b.add(t.Context()))
	assert.NilError(t, f.Check(t.Context()))
	assert.Assert(t, flushed.done)
	listed, err := f.b.(*iptables).list(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, len(listed), 4, "%q", listed)
}

// flushing empties the chain before the first rule is deleted.
type flushing struct {
	*host.Machine
	done bool
}

func (f *flushing) Run(ctx context.Context, c machine.Command) (machine.Result, error) {
	if i := slices.Index(c.Argv, "-D"); i > 0 && !f.done && !slices.Contains(c.Argv, "ACCEPT") {
		f.done = true
		flush := append(slices.Clone(c.Argv[:i]), "-F", "OUTPUT")
		if res, err := f.Machine.Run(ctx, machine.Command{Argv: flush, Timeout: c.Timeout}); err != nil {
			return res, err
		}
	}
	return f.Machine.Run(ctx, c)
}

func TestAChangeOfRulesIsNoticedAtOnce(t *testing.T) {
	m := inNamespace(t)
	if !m.Has("nft") {
		t.Skip("no nft")
	}
	wake := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	listening := make(chan struct{})
	ns, err := os.Open("/proc/thread-self/ns/net")
	assert.NilError(t, err)
	defer ns.Close()
	go func() {
		runtime.LockOSThread() // a goroutine does not stay on the thread that started it, and the network is the thread's
		if unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET) == nil {
			close(listening)
			watch(ctx, wake)
		}
	}()
	<-listening
	deadline := time.After(5 * time.Second)
	for {
		_, err = m.Run(ctx, machine.Command{Argv: []string{"nft", "add", "table", "ip", "somebody"}})
		assert.NilError(t, err)
		_, err = m.Run(ctx, machine.Command{Argv: []string{"nft", "delete", "table", "ip", "somebody"}})
		assert.NilError(t, err)
		select {
		case <-wake:
			return
		case <-deadline:
			t.Fatal("nobody told of the change")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestRulesOutliveTheBoot(t *testing.T) {
	t.Parallel()
	newFirewall := func(root string, answers ...hosttest.Answer) (*Firewall, *hosttest.Script) {
		m := hosttest.New(t, root, answers...)
		return &Firewall{Machine: m, Files: m.Files(), Endpoint: endpoint, Events: event.Discard{}, Log: slog.New(slog.DiscardHandler),
			Persist: Persistence{UnitDir: "/lib/systemd/system", Service: "walinuxagent", Program: "/usr/sbin/waagent", LibDir: "/var/lib/waagent"}}, m
	}
	dirs := func(t *testing.T, names ...string) string {
		root := t.TempDir()
		for _, n := range names {
			assert.NilError(t, os.MkdirAll(root+n, 0o755))
		}
		return root
	}
	const unit = "/lib/systemd/system/walinuxagent-network-setup.service"

	t.Run("a unit, written and enabled once", func(t *testing.T) {
		root := dirs(t, "/run/systemd/system", "/lib/systemd/system", "/var/lib/waagent")
		assert.NilError(t, os.WriteFile(root+"/var/lib/waagent/"+oldHelper, nil, 0o644))
		enable := hosttest.OK("systemctl enable walinuxagent-network-setup.service", "")
		enable.Do = func(machine.Command) error {
			wants := root + "/etc/systemd/system/network.target.wants"
			return firstError(os.MkdirAll(wants, 0o755), os.Symlink(unit, wants+"/walinuxagent-network-setup.service"))
		}
		f, m := newFirewall(root, enable)
		assert.NilError(t, f.MakeLast(t.Context()))
		assert.NilError(t, f.MakeLast(t.Context()))
		assert.DeepEqual(t, m.Calls(), []string{"systemctl enable walinuxagent-network-setup.service"})
		text, err := os.ReadFile(root + unit)
		assert.NilError(t, err)
		assert.Assert(t, strings.Contains(string(text), "ExecStart=/usr/sbin/waagent -setup-firewall=168.63.129.16\n"))
		assert.Assert(t, f.Ours())
		assert.Assert(t, !f.Files.Exists("/var/lib/waagent/"+oldHelper))

		assert.NilError(t, f.dropUnit(t.Context()))
		assert.Assert(t, !f.Ours() && !f.enabled() && !f.Files.Exists(unit))
	})
	t.Run("an image's folder is left alone", func(t *testing.T) {
		root := dirs(t, "/run/systemd/system", "/run/ostree-booted", "/lib/systemd/system", "/var/lib/waagent")
		f, _ := newFirewall(root, hosttest.OK("systemctl enable walinuxagent-network-setup.service", ""))
		assert.NilError(t, f.MakeLast(t.Context()))
		assert.Assert(t, f.Files.Exists("/etc/systemd/system/walinuxagent-network-setup.service") && !f.Files.Exists(unit))
	})
	t.Run("firewalld", func(t *testing.T) {
		root := dirs(t, "/run/systemd/system")
		const rule = "ipv4 -t security -A OUTPUT -d 168.63.129.16 -p tcp "
		f, m := newFirewall(root,
			hosttest.OK("firewall-cmd --state", "running\n"),
			hosttest.Fail("firewall-cmd --permanent --direct --remove-passthrough ipv4 -t security -I OUTPUT -d 168.63.129.16 -p tcp --destination-port 53 -j ACCEPT", 1, ""),
			hosttest.OK("firewall-cmd --permanent --direct --query-passthrough "+rule+"--destination-port 53 -j ACCEPT", "yes"),
			hosttest.Fail("firewall-cmd --permanent --direct --query-passthrough "+rule+"-m owner --uid-owner 0 -j ACCEPT", 1, "no"),
			hosttest.Fail("firewall-cmd --permanent --direct --query-passthrough "+rule+"-m conntrack --ctstate INVALID,NEW -j DROP", 1, "no"),
			hosttest.OK("firewall-cmd --permanent --direct --remove-passthrough "+rule+"--destination-port 53 -j ACCEPT", ""),
			hosttest.OK("firewall-cmd --permanent --direct --passthrough "+rule+"--destination-port 53 -j ACCEPT", ""),
			hosttest.OK("firewall-cmd --permanent --direct --passthrough "+rule+"-m owner --uid-owner 0 -j ACCEPT", ""),
			hosttest.OK("firewall-cmd --permanent --direct --passthrough "+rule+"-m conntrack --ctstate INVALID,NEW -j DROP", ""),
		)
		assert.NilError(t, f.MakeLast(t.Context()))
		assert.Equal(t, len(m.Unused()), 0, "%q", m.Unused())
	})
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestReportsAreFewWhenSomethingFightsTheRules(t *testing.T) {
	t.Parallel()
	events := &sink{}
	f := &Firewall{Events: events}
	for range 10 {
		f.report(t.Context(), true, "again")
	}
	assert.Equal(t, len(*events), reportsAtOnce)
}

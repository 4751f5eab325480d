package netenv

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
)

func route(to, via string) Route {
	return Route{netip.MustParsePrefix(to), netip.MustParseAddr(via)}
}

// azure is what the platform's DHCP server says.
var azure = Offer{Gateway: netip.MustParseAddr("10.0.0.1"), Routes: []Route{
	route("0.0.0.0/0", "10.0.0.1"), route("168.63.129.16/32", "10.0.0.1"), route("169.254.169.254/32", "10.0.0.1"),
}}

func TestOnBSDMissingRoutesAreAddedByCommands(t *testing.T) {
	t.Parallel()
	table := "Routing tables\n\nInternet:\nDestination        Gateway            Flags     Netif Expire\n" +
		"default            10.0.0.1           UGS         hn0\n168.63.129.16      10.0.0.1           UGHS        hn0\n10.0.0.0/24        link#2             U           hn0\n"
	m := hosttest.New(t, t.TempDir(), hosttest.OK("netstat -rn -f inet", table),
		hosttest.OK("route add 169.254.169.254 10.0.0.1 255.255.255.255", ""))
	assert.NilError(t, Restore(t.Context(), BSDRouter{m}, azure, slog.New(slog.DiscardHandler)))
	assert.Equal(t, len(m.Unused()), 0)

	m = hosttest.New(t, t.TempDir(), hosttest.OK("netstat -rn -f inet", "default"), hosttest.OK("route add default 10.0.0.1", ""))
	assert.NilError(t, Restore(t.Context(), BSDRouter{m}, Offer{Gateway: azure.Gateway}, slog.New(slog.DiscardHandler)))
	assert.Equal(t, len(m.Unused()), 0)
}

func put(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	assert.NilError(t, os.WriteFile(path, []byte(text), 0o644))
}

func TestRoutesAreRestoredWhenTheDHCPClientWasRestarted(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	put(t, root, "proc/1/comm", "systemd\n")
	put(t, root, "proc/40/comm", "systemd-network\n")
	restored := 0
	c := &ClientMonitor{Files: host.Files{Root: root}, Clients: Clients(), Log: slog.New(slog.DiscardHandler),
		Restore: func(context.Context) error { restored++; return nil }}
	look := func() { assert.NilError(t, c.Check(t.Context())) }
	look()
	look()
	assert.Equal(t, restored, 1)

	assert.NilError(t, os.RemoveAll(filepath.Join(root, "proc/40")))
	look() // gone, and not back yet
	assert.Equal(t, restored, 1)
	put(t, root, "proc/41/comm", "systemd-network\n")
	look()
	look()
	assert.Equal(t, restored, 2)

	put(t, root, "proc/41/comm", "bash\n") // the number was given to somebody else
	put(t, root, "proc/50/comm", "dhclient\n")
	look()
	assert.Equal(t, restored, 3)
}

// stubRouter has no routes, and adds one by what it is told.
type stubRouter map[string]error

func (stubRouter) Has(context.Context, netip.Prefix) (bool, error) { return false, nil }
func (s stubRouter) Add(_ context.Context, r Route) error          { return s[r.To.String()] }

func TestRoutesByAGatewayThatCannotBeReachedYetAreTriedAgain(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	put(t, root, "proc/40/comm", "dhclient\n")
	r := stubRouter{"0.0.0.0/0": syscall.ENETUNREACH, "192.0.2.0/24": syscall.ENETUNREACH}
	offer := Offer{Gateway: netip.MustParseAddr("10.9.0.1"), Routes: []Route{route("192.0.2.0/24", "10.9.0.1")}}
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	c := &ClientMonitor{Files: host.Files{Root: root}, Clients: Clients(), Log: logger,
		Restore: func(ctx context.Context) error { return Restore(ctx, r, offer, logger) }}
	for range 3 {
		assert.NilError(t, c.Check(t.Context()))
	}
	assert.Equal(t, strings.Count(log.String(), "cannot be reached yet"), 1, "%s", &log)

	clear(r) // the interface has its address
	assert.NilError(t, c.Check(t.Context()))
	assert.NilError(t, c.Check(t.Context()))
	assert.Equal(t, strings.Count(log.String(), "Added a missing route"), 2, "%s", &log)

	r["192.0.2.0/24"], r["0.0.0.0/0"] = syscall.EPERM, syscall.ENETUNREACH
	err := Restore(t.Context(), r, offer, logger)
	assert.ErrorIs(t, err, syscall.EPERM)
	assert.Assert(t, !errors.Is(err, ErrUnreachable), "what is wrong for good must be told")
}

func TestPersistentRulesAreMovedOutOfTheWay(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	put(t, root, "etc/udev/rules.d/70-persistent-net.rules", "new")
	put(t, root, "var/lib/waagent/70-persistent-net.rules", "old")
	assert.NilError(t, os.MkdirAll(filepath.Join(root, "lib/udev/rules.d"), 0o755))
	off := filepath.Join(root, "lib/udev/rules.d/75-persistent-net-generator.rules")
	assert.NilError(t, os.Symlink("/dev/null", off))
	var log bytes.Buffer
	p := &PersistentRules{Files: host.Files{Root: root}, LibDir: "/var/lib/waagent", Log: slog.New(slog.NewTextHandler(&log, nil))}
	assert.NilError(t, p.Check(t.Context()))
	assert.NilError(t, p.Check(t.Context()))
	text, err := os.ReadFile(filepath.Join(root, "var/lib/waagent/70-persistent-net.rules"))
	assert.NilError(t, err)
	assert.Equal(t, string(text), "new")
	assert.Assert(t, !p.Files.Exists("/etc/udev/rules.d/70-persistent-net.rules"))
	assert.Equal(t, strings.Count(log.String(), "Moving"), 1)
	_, err = os.Readlink(off)
	assert.NilError(t, err)
}

package netenv

import (
	"bytes"
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"
)

// TestTheKernelGetsTheRoutesThatAreMissing runs in a network of its own, which goes away with the thread.
func TestTheKernelGetsTheRoutesThatAreMissing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skip("no network namespaces: ", err)
	}
	eth := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}} // any link that needs no device
	if err := netlink.LinkAdd(eth); err != nil {
		t.Skip("no bridges: ", err)
	}
	addr, err := netlink.ParseAddr("10.0.0.4/24")
	assert.NilError(t, err)
	assert.NilError(t, netlink.AddrAdd(eth, addr))
	assert.NilError(t, netlink.LinkSetUp(eth))

	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	r := KernelRouter{Interface: "eth0"}
	offer := azure
	offer.Routes = append(offer.Routes, Route{netip.MustParsePrefix("192.168.7.9/24"), netip.IPv4Unspecified()})
	assert.NilError(t, Restore(t.Context(), r, offer, logger))
	for _, to := range []string{"0.0.0.0/0", "168.63.129.16/32", "169.254.169.254/32", "192.168.7.0/24"} {
		there, err := r.Has(t.Context(), netip.MustParsePrefix(to))
		assert.NilError(t, err)
		assert.Assert(t, there, to)
	}
	assert.Equal(t, strings.Count(log.String(), "Added a missing route"), 4)
	assert.NilError(t, Restore(t.Context(), r, offer, logger))
	assert.Equal(t, strings.Count(log.String(), "Added a missing route"), 4)

	err = Restore(t.Context(), r, Offer{Routes: []Route{route("1.2.3.0/24", "172.16.0.1")}}, logger)
	assert.ErrorContains(t, err, "route to 1.2.3.0/24 via 172.16.0.1: ")
}

package vnet

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
)

const (
	macA = "00:0d:3a:00:00:0a"
	macB = "00:0d:3a:00:00:0b"
)

var wireServer80 = netip.AddrPortFrom(WireServer, 80)

func TestTheFabricKnowsAGuestByItsAddress(t *testing.T) {
	t.Parallel()
	n := network(t, Options{})
	l, err := n.Listen(wireServer80)
	assert.NilError(t, err)
	greet(t, l)
	a, b := plugIn(t, n, macA, netip.Addr{}), plugIn(t, n, macB, netip.Addr{})
	assert.Equal(t, heard(t, a.dial, wireServer80), "10.0.0.4")
	assert.Equal(t, heard(t, b.dial, wireServer80), "10.0.0.5")
}

func TestAGuestCannotUseAnothersAddress(t *testing.T) {
	t.Parallel()
	n := network(t, Options{})
	l, err := n.Listen(wireServer80)
	assert.NilError(t, err)
	greet(t, l)
	plugIn(t, n, macA, netip.Addr{})
	liar := plugIn(t, n, macB, netip.MustParseAddr("10.0.0.4"))
	assert.Equal(t, heard(t, liar.dial, wireServer80), "")
}

func TestAGuestReachesItsNeighbourAndNothingElse(t *testing.T) {
	t.Parallel()
	n := network(t, Options{})
	a, b := plugIn(t, n, macA, netip.Addr{}), plugIn(t, n, macB, netip.Addr{})
	at := netip.AddrPortFrom(b.IP, 22)
	l, err := gonet.ListenTCP(b.stack, full(at), ipv4.ProtocolNumber)
	assert.NilError(t, err)
	greet(t, l)
	assert.Equal(t, heard(t, a.dial, at), "10.0.0.4")
	host, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	greet(t, host)
	assert.Equal(t, heard(t, a.dial, netip.MustParseAddrPort(host.Addr().String())), "")
	assert.Equal(t, heard(t, a.dial, netip.MustParseAddrPort("1.1.1.1:80")), "")
}

// A guest's firewall has rules for the WireServer's address, so the runner must come from another.
func TestAGuestIsDialledFromTheGateway(t *testing.T) {
	t.Parallel()
	n := network(t, Options{})
	g := plugIn(t, n, macA, netip.Addr{})
	at := netip.AddrPortFrom(g.IP, 22)
	l, err := gonet.ListenTCP(g.stack, full(at), ipv4.ProtocolNumber)
	assert.NilError(t, err)
	greet(t, l)
	assert.Equal(t, heard(t, n.DialGuest, at), n.Gateway().String())
}

func TestAnAddressCanBeCutOffAndRestored(t *testing.T) {
	t.Parallel()
	n := network(t, Options{})
	for _, a := range []netip.Addr{WireServer, Blobs} {
		l, err := n.Listen(netip.AddrPortFrom(a, 80))
		assert.NilError(t, err)
		greet(t, l)
	}
	g := plugIn(t, n, macA, netip.Addr{})
	blobs := netip.AddrPortFrom(Blobs, 80)
	assert.NilError(t, n.CutOff(Blobs))
	assert.Equal(t, heard(t, g.dial, blobs), "")
	assert.Equal(t, heard(t, g.dial, wireServer80), "10.0.0.4")
	assert.NilError(t, n.Restore(Blobs))
	assert.Equal(t, heard(t, g.dial, blobs), "10.0.0.4")
}

func TestAGuestThatDoesNotReadHoldsUpNobody(t *testing.T) {
	t.Parallel()
	n := network(t, Options{})
	stopped, flooding := bare(t, n, macA), bare(t, n, macB)
	stopped.send(t, flooding, 1) // now the switch knows where it is
	flooding.send(t, stopped, 5000)

	g := plugIn(t, n, "00:0d:3a:00:00:0c", netip.Addr{})
	l, err := n.Listen(wireServer80)
	assert.NilError(t, err)
	greet(t, l)
	assert.Equal(t, heard(t, g.dial, wireServer80), "10.0.0.6")
}

// bareNIC is a connected NIC without a machine behind it.
type bareNIC struct {
	*NIC
	conn net.Conn
}

func bare(t *testing.T, n *Network, mac string) bareNIC {
	t.Helper()
	hw, err := net.ParseMAC(mac)
	assert.NilError(t, err)
	nic, err := n.Attach(filepath.Join(t.TempDir(), "nic"), hw, netip.Addr{})
	assert.NilError(t, err)
	c, err := net.Dial("unix", nic.Socket)
	assert.NilError(t, err)
	t.Cleanup(func() { c.Close() })
	return bareNIC{nic, c}
}

// send writes IPv4 frames of full size to another NIC.
func (b bareNIC) send(t *testing.T, to bareNIC, frames int) {
	t.Helper()
	frame := make([]byte, 4+minFrame+mtu)
	binary.BigEndian.PutUint32(frame, minFrame+mtu)
	copy(frame[4:], to.MAC)
	copy(frame[10:], b.MAC)
	binary.BigEndian.PutUint16(frame[16:], etherIPv4)
	copy(frame[18+12:], b.IP.AsSlice())
	for range frames {
		_, err := b.conn.Write(frame)
		assert.NilError(t, err)
	}
}

func TestAddressesAreGivenOnce(t *testing.T) {
	t.Parallel()
	n := network(t, Options{Subnet: netip.MustParsePrefix("10.1.0.0/29")})
	at := func(mac, ip string) error {
		hw, err := net.ParseMAC(mac)
		assert.NilError(t, err)
		var a netip.Addr
		if ip != "" {
			a = netip.MustParseAddr(ip)
		}
		nic, err := n.Attach(t.TempDir()+"/nic", hw, a)
		if err == nil && ip != "" {
			assert.Equal(t, nic.IP, a)
		}
		return err
	}
	assert.NilError(t, at(macA, "10.1.0.5"))
	assert.ErrorContains(t, at(macB, "10.1.0.5"), "not a free address")
	assert.ErrorContains(t, at(macB, "10.1.0.1"), "not a free address")
	assert.ErrorContains(t, at(macB, "10.2.0.4"), "not a free address")
	assert.ErrorContains(t, at(macA, ""), "not an unused Ethernet address")
	assert.NilError(t, at(macB, ""))                // .4
	assert.NilError(t, at("00:0d:3a:00:00:0c", "")) // .6
	assert.ErrorContains(t, at("00:0d:3a:00:00:0d", ""), "not a free address")
}

func TestClosingANetworkEndsItsListeners(t *testing.T) {
	t.Parallel()
	n, err := New(Options{})
	assert.NilError(t, err)
	l, err := n.Listen(wireServer80)
	assert.NilError(t, err)
	done := make(chan error, 1)
	go func() { _, err := l.Accept(); done <- err }()
	assert.NilError(t, l.Close())
	assert.Assert(t, <-done != nil)
	assert.NilError(t, n.Close())
	_, err = n.DialGuest(context.Background(), netip.MustParseAddrPort("10.0.0.4:22"))
	assert.Assert(t, err != nil)
}

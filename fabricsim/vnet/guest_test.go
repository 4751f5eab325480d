package vnet

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"gotest.tools/v3/assert"
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

// guest is a machine at the far end of a NIC's socket, with a network stack of its own.
type guest struct {
	*NIC
	stack *stack.Stack
	conn  net.Conn
}

func network(t *testing.T, o Options) *Network {
	t.Helper()
	n, err := New(o)
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, n.Close()) })
	return n
}

// plugIn attaches a NIC and connects a guest to it that uses the address as, or the NIC's own if as is zero.
func plugIn(t *testing.T, n *Network, mac string, as netip.Addr) *guest {
	t.Helper()
	hw, err := net.ParseMAC(mac)
	assert.NilError(t, err)
	nic, err := n.Attach(filepath.Join(t.TempDir(), "nic"), hw, netip.Addr{})
	assert.NilError(t, err)
	g := &guest{NIC: nic}
	g.conn, err = net.Dial("unix", nic.Socket)
	assert.NilError(t, err)
	t.Cleanup(func() { g.conn.Close() })
	if !as.IsValid() {
		as = nic.IP
	}
	g.start(t, n.Gateway(), as)
	return g
}

// start gives the guest a network stack whose frames go over the socket.
func (g *guest) start(t *testing.T, gateway, ip netip.Addr) {
	t.Helper()
	wire := channel.New(256, mtu+14, tcpip.LinkAddress(g.MAC))
	g.stack = stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol},
	})
	t.Cleanup(g.stack.Close)
	if err := g.stack.CreateNIC(nicID, ethernet.New(wire)); err != nil {
		t.Fatal(err)
	}
	err := g.stack.AddProtocolAddress(nicID, tcpip.ProtocolAddress{
		Protocol: ipv4.ProtocolNumber, AddressWithPrefix: tcpip.AddressWithPrefix{Address: address(ip), PrefixLen: 24},
	}, stack.AddressProperties{})
	if err != nil {
		t.Fatal(err)
	}
	g.stack.SetRouteTable([]tcpip.Route{
		{Destination: tcpip.AddressWithPrefix{Address: address(ip), PrefixLen: 24}.Subnet(), NIC: nicID},
		{Destination: tcpip.AddressWithPrefix{PrefixLen: 0, Address: tcpip.AddrFrom4([4]byte{})}.Subnet(), Gateway: address(gateway), NIC: nicID},
	})
	ctx := t.Context()
	go func() {
		for {
			pkt := wire.ReadContext(ctx)
			if pkt == nil {
				return
			}
			frame := pkt.ToView().AsSlice()
			g.conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...)) //nolint:errcheck // the reader sees it
			pkt.DecRef()
		}
	}()
	go func() {
		for {
			frame, err := readFrame(g.conn)
			if err != nil {
				return
			}
			pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(frame)})
			wire.InjectInbound(0, pkt)
			pkt.DecRef()
		}
	}()
}

func (g *guest) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	return gonet.DialContextTCP(ctx, g.stack, full(to), ipv4.ProtocolNumber)
}

// greet serves one line with the caller's address to everybody who connects.
func greet(t *testing.T, l net.Listener) {
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
			io.WriteString(c, host) //nolint:errcheck // the reader sees it
			c.Close()
		}
	}()
}

// heard is what a peer says until it hangs up, or "" if it cannot be reached in a moment.
func heard(t *testing.T, dial func(context.Context, netip.AddrPort) (net.Conn, error), at netip.AddrPort) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	c, err := dial(ctx, at)
	if err != nil {
		return ""
	}
	defer c.Close()
	data, err := io.ReadAll(c)
	assert.NilError(t, err)
	return string(data)
}

// ask sends a DHCP message as a client without an address does, and returns the reply, or nil if there is none.
func (g *guest) ask(t *testing.T, mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	t.Helper()
	m, err := dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithHwAddr(g.MAC)}, mods...)...)
	assert.NilError(t, err)
	c, err := broadcastSocket(g.stack, dhcpv4.ClientPort)
	assert.NilError(t, err)
	defer c.Close()
	assert.NilError(t, c.SetReadDeadline(time.Now().Add(time.Second)))
	_, err = c.WriteTo(m.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ServerPort})
	assert.NilError(t, err)
	buf := make([]byte, mtu)
	size, _, err := c.ReadFrom(buf)
	if err != nil {
		return nil
	}
	reply, err := dhcpv4.FromBytes(buf[:size])
	assert.NilError(t, err)
	assert.Equal(t, reply.TransactionID, m.TransactionID)
	return reply
}

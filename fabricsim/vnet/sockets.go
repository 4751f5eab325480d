package vnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
)

// Listen accepts TCP connections of guests at one of the owned addresses. RemoteAddr of what it accepts is the address
// of a NIC attached here: frames with another source never get through the switch.
func (n *Network) Listen(at netip.AddrPort) (net.Listener, error) {
	l, err := gonet.ListenTCP(n.stack, full(at), ipv4.ProtocolNumber)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", at, err)
	}
	return l, nil
}

// ListenPacket receives UDP datagrams of guests at one of the owned addresses.
func (n *Network) ListenPacket(at netip.AddrPort) (net.PacketConn, error) {
	local := full(at)
	c, err := gonet.DialUDP(n.stack, &local, nil, ipv4.ProtocolNumber)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", at, err)
	}
	return c, nil
}

// DialGuest connects to a TCP port of a guest. The guest sees the gateway as its peer: with WireServer's address it
// would be subject to the rules the agent sets for that one.
func (n *Network) DialGuest(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	from := tcpip.FullAddress{NIC: nicID, Addr: address(n.gateway)}
	c, err := gonet.DialTCPWithBind(ctx, n.stack, from, full(to), ipv4.ProtocolNumber)
	if err != nil {
		return nil, fmt.Errorf("dial guest %s: %w", to, err)
	}
	return c, nil
}

func full(a netip.AddrPort) tcpip.FullAddress {
	return tcpip.FullAddress{NIC: nicID, Addr: address(a.Addr()), Port: a.Port()}
}

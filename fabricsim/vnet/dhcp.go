package vnet

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// DHCP says how the server answers. The zero value answers as Azure does.
type DHCP struct {
	Silent      bool          `json:"silent,omitempty" yaml:"silent,omitempty"`           // answers nobody
	NoEndpoint  bool          `json:"noEndpoint,omitempty" yaml:"noEndpoint,omitempty"`   // leaves out option 245
	NoRoutes    bool          `json:"noRoutes,omitempty" yaml:"noRoutes,omitempty"`       // leaves out 121
	NoMSRoutes  bool          `json:"noMSRoutes,omitempty" yaml:"noMSRoutes,omitempty"`   // leaves out 249
	NoRouter    bool          `json:"noRouter,omitempty" yaml:"noRouter,omitempty"`       // leaves out 3
	Endpoint    netip.Addr    `json:"endpoint,omitzero" yaml:"endpoint,omitempty"`        // content of 245; zero: WireServer
	ExtraRoutes []Route       `json:"extraRoutes,omitempty" yaml:"extraRoutes,omitempty"` // more for 121 and 249
	LeaseTime   time.Duration `json:"leaseTime,omitempty" yaml:"leaseTime,omitempty"`     // zero: practically for ever, as on Azure
	Domain      string        `json:"domain,omitempty" yaml:"domain,omitempty"`           // "": DefaultDomain
}

// Route is one classless route. The zero Via is the gateway.
type Route struct {
	To  netip.Prefix `json:"to" yaml:"to"`
	Via netip.Addr   `json:"via,omitzero" yaml:"via,omitempty"`
}

// DefaultDomain is the search domain guests are given.
const DefaultDomain = "internal.cloudapp.fabricsim.test"

// optionEndpoint is the private option that names the WireServer; optionMSRoutes is Microsoft's copy of 121.
var (
	optionEndpoint = dhcpv4.GenericOptionCode(245)
	optionMSRoutes = dhcpv4.GenericOptionCode(249)
)

// SetDHCP changes how the server answers from now on.
func (n *Network) SetDHCP(d DHCP) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dhcp = d
}

func (n *Network) serveDHCP() error {
	conn, err := broadcastSocket(n.stack, dhcpv4.ServerPort)
	if err != nil {
		return err
	}
	n.wg.Go(func() {
		<-n.ctx.Done()
		conn.Close()
	})
	n.wg.Go(func() {
		buf := make([]byte, mtu)
		for {
			size, _, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			n.answer(conn, buf[:size])
		}
	})
	return nil
}

// broadcastSocket receives what is sent to a UDP port at any address, and may send to everybody.
func broadcastSocket(s *stack.Stack, port uint16) (*gonet.UDPConn, error) {
	var wq waiter.Queue
	ep, err := s.NewEndpoint(udp.ProtocolNumber, ipv4.ProtocolNumber, &wq)
	if err != nil {
		return nil, errors.New(err.String())
	}
	ep.SocketOptions().SetBroadcast(true)
	if err := ep.Bind(tcpip.FullAddress{NIC: nicID, Port: port}); err != nil {
		ep.Close()
		return nil, errors.New(err.String())
	}
	return gonet.NewUDPConn(&wq, ep), nil
}

// answer replies to one datagram, if a reply is due.
func (n *Network) answer(conn net.PacketConn, datagram []byte) {
	ask, err := dhcpv4.FromBytes(datagram)
	if err != nil {
		n.log.Warn("DHCP request not understood", "error", err)
		return
	}
	n.mu.Lock()
	nic, how := n.nics[ask.ClientHWAddr.String()], n.dhcp
	n.mu.Unlock()
	if nic == nil || how.Silent {
		n.log.Debug("DHCP request not answered", "mac", ask.ClientHWAddr.String(), "type", ask.MessageType().String())
		return
	}
	reply, err := n.reply(ask, nic, how)
	if err != nil || reply == nil {
		n.log.Debug("DHCP request not answered", "mac", ask.ClientHWAddr.String(), "type", ask.MessageType().String(), "error", err)
		return
	}
	if _, err := conn.WriteTo(reply.ToBytes(), replyTo(ask)); err != nil {
		n.log.Warn("DHCP reply not sent", "mac", nic.MAC.String(), "error", err)
		return
	}
	if reply.MessageType() == dhcpv4.MessageTypeAck {
		n.granted(ask, nic)
	}
}

// replyTo is where RFC 2131 (4.1) sends a reply; a client without an address is always reached by broadcast.
func replyTo(ask *dhcpv4.DHCPv4) net.Addr {
	if ask.ClientIPAddr.To4() != nil && !ask.ClientIPAddr.IsUnspecified() && !ask.IsBroadcast() {
		return &net.UDPAddr{IP: ask.ClientIPAddr, Port: dhcpv4.ClientPort}
	}
	return &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ClientPort}
}

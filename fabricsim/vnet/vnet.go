// Package vnet is the network of a simulated Azure host, in user space: QEMU guests plug their NICs into it by unix
// sockets, and the fabric's addresses (WireServer, IMDS, blob storage) are served from this process. It needs no root,
// opens no host interface, and routes nothing: a guest reaches the fabric and its neighbours on the switch, never the
// host or the world. It answers DHCP as Azure does, option 245 included.
package vnet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"

	"github.com/containers/gvisor-tap-vsock/pkg/tap"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

// The addresses every Azure guest knows, and the one blob storage has here.
var (
	WireServer = netip.AddrFrom4([4]byte{168, 63, 129, 16})
	IMDS       = netip.AddrFrom4([4]byte{169, 254, 169, 254})
	Blobs      = netip.AddrFrom4([4]byte{168, 63, 129, 20})
)

// routerMAC answers every ARP request for an address that is not a neighbour's, as on Azure.
const routerMAC = "12:34:56:78:9a:bc"

const (
	nicID = tcpip.NICID(1)
	mtu   = 1500
)

// Options shapes a network. The zero value is a network like the one a new Azure VM lands on.
type Options struct {
	Log    *slog.Logger   // nil logs nothing
	Subnet netip.Prefix   // zero: 10.0.0.0/24; its first address is the gateway
	Owned  []netip.Addr   // addresses served from this process; nil: WireServer, IMDS, Blobs
	DHCP   DHCP           // how the DHCP server answers
	Leases func(ev Lease) // called for every lease granted or renewed, from one goroutine; may be nil
}

// Network is one switch, the fabric's end of it, and a DHCP server.
type Network struct {
	log     *slog.Logger
	subnet  netip.Prefix
	gateway netip.Addr
	leases  func(Lease)

	stack *stack.Stack
	hub   *tap.Switch

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	dhcp   DHCP
	nics   map[string]*NIC // by MAC, lower case
	names  map[string]netip.Addr
	nextIP netip.Addr
}

// New makes a network and starts its DHCP server.
func New(o Options) (*Network, error) {
	n, err := prepare(o)
	if err != nil {
		return nil, err
	}
	if err := n.wire(o.Owned); err != nil {
		n.Close()
		return nil, err
	}
	if err := n.serveDHCP(); err != nil {
		n.Close()
		return nil, fmt.Errorf("start DHCP server: %w", err)
	}
	return n, nil
}

func prepare(o Options) (*Network, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if !o.Subnet.IsValid() {
		o.Subnet = netip.MustParsePrefix("10.0.0.0/24")
	}
	if !o.Subnet.Addr().Is4() || o.Subnet.Bits() > 29 {
		return nil, fmt.Errorf("subnet %s: want IPv4 with room for guests", o.Subnet)
	}
	gateway := o.Subnet.Masked().Addr().Next()
	n := &Network{
		log: o.Log, subnet: o.Subnet.Masked(), gateway: gateway, leases: o.Leases, dhcp: o.DHCP,
		nics: map[string]*NIC{}, names: map[string]netip.Addr{},
		nextIP: gateway.Next().Next().Next(), // Azure keeps the first three for itself: the first VM is .4
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n, nil
}

// wire joins the switch and the network stack, and gives the stack its addresses.
func (n *Network) wire(owned []netip.Addr) error {
	if owned == nil {
		owned = []netip.Addr{WireServer, IMDS, Blobs}
	}
	owned = append([]netip.Addr{n.gateway}, owned...)
	names := make([]string, len(owned))
	for i, a := range owned {
		names[i] = a.String()
	}
	link, err := tap.NewLinkEndpoint(false, mtu, routerMAC, n.gateway.String(), names)
	if err != nil {
		return fmt.Errorf("make link: %w", err)
	}
	n.hub = tap.NewSwitch(false)
	link.Connect(n.hub)
	n.hub.Connect(link)

	n.stack = stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4},
	})
	if err := n.stack.CreateNIC(nicID, link); err != nil {
		return fmt.Errorf("create NIC: %s", err)
	}
	for _, a := range owned {
		if err := n.own(a); err != nil {
			return err
		}
	}
	net := tcpip.AddressWithPrefix{Address: address(n.subnet.Addr()), PrefixLen: n.subnet.Bits()}
	n.stack.SetRouteTable([]tcpip.Route{{Destination: net.Subnet(), NIC: nicID}})
	return nil
}

func (n *Network) own(a netip.Addr) error {
	err := n.stack.AddProtocolAddress(nicID, tcpip.ProtocolAddress{
		Protocol: ipv4.ProtocolNumber, AddressWithPrefix: address(a).WithPrefix(),
	}, stack.AddressProperties{})
	if err != nil {
		return fmt.Errorf("own %s: %s", a, err)
	}
	return nil
}

// CutOff makes an owned address unreachable: no answer to ARP, nothing answers there, as when a host's storage or
// metadata service is gone. Restore brings it back; listeners stay as they were.
func (n *Network) CutOff(a netip.Addr) error {
	if err := n.stack.RemoveAddress(nicID, address(a)); err != nil {
		return fmt.Errorf("cut off %s: %s", a, err)
	}
	return nil
}

// Restore undoes CutOff.
func (n *Network) Restore(a netip.Addr) error { return n.own(a) }

// Gateway is the address guests route through, and the source of DialGuest.
func (n *Network) Gateway() netip.Addr { return n.gateway }

// Close unplugs every guest and stops all that New started.
func (n *Network) Close() error {
	n.cancel()
	n.mu.Lock()
	nics := n.nics
	n.nics = map[string]*NIC{}
	n.mu.Unlock()
	var errs []error
	for _, nic := range nics {
		errs = append(errs, nic.close())
	}
	if n.stack != nil {
		n.stack.Close()
	}
	n.wg.Wait()
	return errors.Join(errs...)
}

func address(a netip.Addr) tcpip.Address { return tcpip.AddrFrom4(a.As4()) }

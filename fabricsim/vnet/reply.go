package vnet

import (
	"math"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// forever is Azure's lease time: the largest number the option holds short of "infinite".
const forever = (math.MaxUint32 - 1) * time.Second

// reply is the answer to a request, or nil where silence is the answer.
func (n *Network) reply(ask *dhcpv4.DHCPv4, nic *NIC, how DHCP) (*dhcpv4.DHCPv4, error) {
	kind := dhcpv4.MessageTypeNone
	switch ask.MessageType() {
	case dhcpv4.MessageTypeDiscover:
		kind = dhcpv4.MessageTypeOffer
	case dhcpv4.MessageTypeInform:
		kind = dhcpv4.MessageTypeAck
	case dhcpv4.MessageTypeRequest: // selecting, renewing, rebinding, or INIT-REBOOT without a discover before it
		kind = dhcpv4.MessageTypeAck
		if want := wanted(ask); want != nic.IP {
			return dhcpv4.NewReplyFromRequest(ask, dhcpv4.WithMessageType(dhcpv4.MessageTypeNak), dhcpv4.WithOption(dhcpv4.OptServerIdentifier(WireServer.AsSlice())))
		}
	default:
		return nil, nil
	}
	mods := append(n.options(how), dhcpv4.WithMessageType(kind), dhcpv4.WithServerIP(WireServer.AsSlice()))
	if ask.MessageType() != dhcpv4.MessageTypeInform {
		lease := how.LeaseTime
		if lease == 0 {
			lease = forever
		}
		mods = append(mods, dhcpv4.WithYourIP(nic.IP.AsSlice()), dhcpv4.WithOption(dhcpv4.OptIPAddressLeaseTime(lease)))
	}
	return dhcpv4.NewReplyFromRequest(ask, mods...)
}

// wanted is the address a REQUEST is about.
func wanted(ask *dhcpv4.DHCPv4) netip.Addr {
	ip := ask.RequestedIPAddress()
	if ip == nil {
		ip = ask.ClientIPAddr
	}
	a, _ := netip.AddrFromSlice(ip.To4())
	return a
}

// options are those every reply carries, whether the client listed them or not: Azure sends 121 and 245 unasked.
func (n *Network) options(how DHCP) []dhcpv4.Modifier {
	endpoint, domain := how.Endpoint, how.Domain
	if !endpoint.IsValid() {
		endpoint = WireServer
	}
	if domain == "" {
		domain = DefaultDomain
	}
	routes := n.routes(how)
	mask := net.CIDRMask(n.subnet.Bits(), 32)
	opts := []dhcpv4.Option{
		dhcpv4.OptServerIdentifier(WireServer.AsSlice()),
		dhcpv4.OptSubnetMask(mask),
		dhcpv4.OptDNS(WireServer.AsSlice()),
		dhcpv4.OptDomainName(domain),
	}
	if !how.NoRouter {
		opts = append(opts, dhcpv4.OptRouter(n.gateway.AsSlice()))
	}
	if !how.NoRoutes {
		opts = append(opts, dhcpv4.OptClasslessStaticRoute(routes...))
	}
	if !how.NoMSRoutes {
		opts = append(opts, dhcpv4.Option{Code: optionMSRoutes, Value: dhcpv4.Routes(routes)})
	}
	if !how.NoEndpoint {
		opts = append(opts, dhcpv4.OptGeneric(optionEndpoint, endpoint.AsSlice()))
	}
	mods := make([]dhcpv4.Modifier, len(opts))
	for i, o := range opts {
		mods[i] = dhcpv4.WithOption(o)
	}
	return mods
}

// routes lists what 121 and 249 say: everything, and the two fabric addresses by name, through the gateway.
func (n *Network) routes(how DHCP) []*dhcpv4.Route {
	all := append([]Route{
		{To: netip.PrefixFrom(netip.IPv4Unspecified(), 0)},
		{To: netip.PrefixFrom(WireServer, 32)},
		{To: netip.PrefixFrom(IMDS, 32)},
	}, how.ExtraRoutes...)
	var routes []*dhcpv4.Route
	for _, r := range all {
		via := r.Via
		if !via.IsValid() {
			via = n.gateway
		}
		dest := &net.IPNet{IP: r.To.Masked().Addr().AsSlice(), Mask: net.CIDRMask(r.To.Bits(), 32)}
		routes = append(routes, &dhcpv4.Route{Dest: dest, Router: via.AsSlice()})
	}
	return routes
}

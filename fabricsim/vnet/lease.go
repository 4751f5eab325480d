package vnet

import (
	"net"
	"net/netip"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/rfc1035label"
)

// Lease is what the DHCP server granted, and under which name the guest asked to be known.
type Lease struct {
	MAC     net.HardwareAddr
	IP      netip.Addr
	Name    string // host name of option 81, or else 12, without a domain; "" when the guest gave none
	Renewed bool   // the guest had the address already
}

// granted records the guest's name and tells whoever listens.
func (n *Network) granted(ask *dhcpv4.DHCPv4, nic *NIC) {
	ev := Lease{MAC: nic.MAC, IP: nic.IP, Name: hostName(ask), Renewed: !ask.ClientIPAddr.IsUnspecified()}
	n.mu.Lock()
	if ev.Name != "" {
		for name, ip := range n.names {
			if ip == nic.IP {
				delete(n.names, name)
			}
		}
		n.names[strings.ToLower(ev.Name)] = nic.IP
	}
	n.mu.Unlock()
	n.log.Debug("DHCP lease", "mac", nic.MAC.String(), "ip", nic.IP.String(), "name", ev.Name, "renewed", ev.Renewed)
	if n.leases != nil {
		n.leases(ev)
	}
}

// Lookup answers with the address of the guest that asked DHCP to be known by this name. The name may be bare or end
// in the search domain guests are given.
func (n *Network) Lookup(name string) (netip.Addr, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	domain := n.dhcp.Domain
	if domain == "" {
		domain = DefaultDomain
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	name = strings.TrimSuffix(name, "."+strings.ToLower(domain))
	ip, ok := n.names[name]
	return ip, ok
}

// hostName is the name a client gives itself: the client FQDN option where it is sent (NetworkManager, newer dhcpcd),
// the host name option otherwise.
func hostName(ask *dhcpv4.DHCPv4) string {
	name := fqdn(ask.Options.Get(dhcpv4.OptionFQDN))
	if name == "" {
		name = ask.HostName()
	}
	name, _, _ = strings.Cut(strings.TrimRight(name, "\x00"), ".")
	return name
}

// fqdn reads RFC 4702: flags, two result codes, and a name in DNS wire form if the flag E is set, else in ASCII.
func fqdn(option []byte) string {
	const encoded = 0x04
	if len(option) <= 3 {
		return ""
	}
	if option[0]&encoded == 0 {
		return string(option[3:])
	}
	labels, err := rfc1035label.FromBytes(option[3:])
	if err != nil || len(labels.Labels) == 0 {
		// A partial name has no terminating zero, which the decoder insists on.
		labels, err = rfc1035label.FromBytes(append(option[3:len(option):len(option)], 0))
	}
	if err != nil || len(labels.Labels) == 0 {
		return ""
	}
	return labels.Labels[0]
}

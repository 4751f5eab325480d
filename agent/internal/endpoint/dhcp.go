package endpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// Offer is what DHCP says about the way to the fabric, wherever it was found.
type Offer struct {
	Endpoint netip.Addr // option 245; the zero Addr when there is none
	Gateway  netip.Addr // option 3
	Routes   []Route    // options 121 and 249
	Source   string     // for people: a file, or "DHCP"
}

// Route is a classless static route. A Gateway of 0.0.0.0 means that the network is on the link.
type Route struct {
	To  netip.Prefix
	Via netip.Addr
}

// The parts of a DHCP message (RFC 2131) that matter here.
const (
	xidOffset    = 4
	flagsOffset  = 10
	macOffset    = 28
	cookieOffset = 236
	optionOffset = 240

	optPad       = 0
	optRouters   = 3
	optType      = 53
	optRoutes    = 121
	optMSRoutes  = 249
	optEndpoint  = 245
	optEnd       = 255
	typeDiscover = 1
)

var cookie = []byte{99, 130, 83, 99}

// discover builds a request. From the second on the answer is asked to be broadcast: a link without an address may not
// hear it otherwise.
func discover(xid uint32, mac net.HardwareAddr, broadcast bool) []byte {
	p := make([]byte, optionOffset, optionOffset+4)
	p[0], p[1], p[2] = 1, 1, byte(len(mac)) // a request, over Ethernet
	binary.BigEndian.PutUint32(p[xidOffset:], xid)
	if broadcast {
		p[flagsOffset] = 0x80
	}
	copy(p[macOffset:], mac)
	copy(p[cookieOffset:], cookie)
	return append(p, optType, 1, typeDiscover, optEnd)
}

// answers reports whether p is an answer to the request xid of mac.
func answers(p []byte, xid uint32, mac net.HardwareAddr) bool {
	return len(p) > optionOffset && p[0] == 2 && binary.BigEndian.Uint32(p[xidOffset:]) == xid &&
		bytes.Equal(p[macOffset:macOffset+len(mac)], mac) && bytes.Equal(p[cookieOffset:optionOffset], cookie)
}

// ParseReply reads a DHCP reply, as it came over the wire or as dhcpcd keeps it.
func ParseReply(p []byte) (Offer, error) {
	if len(p) < optionOffset || !bytes.Equal(p[cookieOffset:optionOffset], cookie) {
		return Offer{}, errors.New("read DHCP reply: it is no DHCP message")
	}
	var o Offer
	for p = p[optionOffset:]; len(p) > 0 && p[0] != optEnd; {
		if p[0] == optPad {
			p = p[1:]
			continue
		}
		if len(p) < 2 || len(p) < 2+int(p[1]) {
			return o, fmt.Errorf("read DHCP reply: option %d is cut off", p[0])
		}
		if err := o.option(p[0], p[2:2+int(p[1])]); err != nil {
			return o, fmt.Errorf("read DHCP reply: option %d: %w", p[0], err)
		}
		p = p[2+int(p[1]):]
	}
	return o, nil
}

func (o *Offer) option(code byte, value []byte) error {
	switch code {
	case optRouters:
		if len(value) < 4 {
			return errors.New("it is no address")
		}
		o.Gateway = netip.AddrFrom4([4]byte(value))
	case optEndpoint:
		if len(value) != 4 {
			return errors.New("it is no address")
		}
		o.Endpoint = netip.AddrFrom4([4]byte(value))
	case optRoutes, optMSRoutes:
		routes, err := parseRoutes(value)
		if err != nil {
			return err
		}
		o.add(routes)
	}
	return nil
}

// add appends the routes that are not there yet: a server often sends both options with the same content.
func (o *Offer) add(routes []Route) {
	for _, r := range routes {
		known := false
		for _, have := range o.Routes {
			known = known || have == r
		}
		if !known {
			o.Routes = append(o.Routes, r)
		}
	}
}

// parseRoutes reads classless static routes (RFC 3442).
func parseRoutes(value []byte) ([]Route, error) {
	var routes []Route
	for len(value) > 0 {
		bits := int(value[0])
		octets := (bits + 7) / 8
		if bits > 32 || len(value) < 1+octets+4 {
			return routes, errors.New("a route is cut off or too long")
		}
		var to, via [4]byte
		copy(to[:], value[1:1+octets])
		copy(via[:], value[1+octets:])
		prefix := netip.PrefixFrom(netip.AddrFrom4(to), bits).Masked()
		routes = append(routes, Route{To: prefix, Via: netip.AddrFrom4(via)})
		value = value[1+octets+4:]
	}
	return routes, nil
}

package hostname

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/waagent-go/waagent/agent/internal/host"
)

var (
	cookie        = []byte{99, 130, 83, 99}
	announcePause = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}
)

// RFC 2131 and 2132.
const (
	optName    = 12
	optType    = 53
	optEnd     = 255
	typeAsk    = 3
	typeYes    = 5
	typeNo     = 6
	dhcpServer = 67
	options    = 240
	leastSize  = 300 // BOOTP relays drop shorter ones
)

// Announce renews the lease that the interface has, with the given host name. The DHCP client that holds the lease is
// not told, and keeps it; the server updates its names.
func Announce(ctx context.Context, iface, name string) error {
	link, err := net.InterfaceByName(iface)
	if err != nil {
		return fmt.Errorf("announce %s: %w", name, err)
	}
	address, ok := firstAddress(link)
	if !ok {
		return fmt.Errorf("announce %s: %s has no address", name, iface)
	}
	conn, err := host.ListenDHCP(ctx, iface, address)
	if err != nil {
		return fmt.Errorf("announce %s: %w", name, err)
	}
	defer conn.Close()
	return announce(ctx, conn, request(rand.Uint32(), address, link.HardwareAddr, name))
}

// announce sends the request until it is answered.
func announce(ctx context.Context, conn net.PacketConn, packet []byte) error {
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	var last error
	for _, limit := range announcePause {
		if _, err := conn.WriteTo(packet, &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpServer}); err != nil {
			return errors.Join(ctx.Err(), fmt.Errorf("announce the host name: %w", err))
		}
		if err := conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
			return err
		}
		answer, err := await(conn, packet[4:8])
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && answer == typeYes:
			return nil
		case err == nil:
			return errors.New("announce the host name: the DHCP server refuses the lease")
		}
		last = err
	}
	return fmt.Errorf("announce the host name: no DHCP server answers: %w", last)
}

// await reads until there is an answer to the exchange xid, and returns its type.
func await(conn net.PacketConn, xid []byte) (byte, error) {
	buf := make([]byte, 1500)
	for {
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			return 0, err
		}
		if t := answerType(buf[:n], xid); t == typeYes || t == typeNo {
			return t, nil
		}
	}
}

// answerType is the type of a DHCP reply to xid, 0 for anything else.
func answerType(p, xid []byte) byte {
	if len(p) < options || p[0] != 2 || !bytes.Equal(p[4:8], xid) || !bytes.Equal(p[236:options], cookie) {
		return 0
	}
	for o := p[options:]; len(o) > 1 && o[0] != optEnd; {
		if o[0] == 0 {
			o = o[1:]
			continue
		}
		length := int(o[1])
		if len(o) < 2+length {
			return 0
		}
		if o[0] == optType && length == 1 {
			return o[2]
		}
		o = o[2+length:]
	}
	return 0
}

// request is a DHCPREQUEST of a client that has its address and wants to keep it.
func request(xid uint32, address netip.Addr, mac net.HardwareAddr, name string) []byte {
	p := make([]byte, options, leastSize)
	p[0], p[1], p[2] = 1, 1, byte(len(mac))
	binary.BigEndian.PutUint32(p[4:], xid)
	copy(p[12:16], address.AsSlice())
	copy(p[28:44], mac)
	copy(p[236:], cookie)
	p = append(p, optType, 1, typeAsk, optName, byte(min(len(name), 255)))
	p = append(p, name[:min(len(name), 255)]...)
	p = append(p, 55, 4, 1, 3, 6, 15) // ask for what any client asks for
	p = append(p, optEnd)
	for len(p) < leastSize {
		p = append(p, 0)
	}
	return p
}

// HasAddress reports whether the interface is up and has an IPv4 address of its own.
func HasAddress(iface string) bool {
	link, err := net.InterfaceByName(iface)
	if err != nil || link.Flags&net.FlagUp == 0 {
		return false
	}
	_, ok := firstAddress(link)
	return ok
}

func firstAddress(link *net.Interface) (netip.Addr, bool) {
	addresses, err := link.Addrs()
	if err != nil {
		return netip.Addr{}, false
	}
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && !p.Addr().IsLinkLocalUnicast() {
			return p.Addr(), true
		}
	}
	return netip.Addr{}, false
}

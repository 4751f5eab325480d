package endpoint

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/waagent-go/waagent/agent/internal/fabric"
)

// Exchange asks the DHCP servers on the link itself, for an endpoint only: it takes no lease.
type Exchange struct {
	// Listen opens a socket on port 68 that may broadcast.
	Listen func(ctx context.Context) (net.PacketConn, error)
	// MAC is the address of the interface that asks.
	MAC func() (net.HardwareAddr, error)
}

var (
	server     = &net.UDPAddr{IP: net.IPv4bcast, Port: 67}
	dhcpPauses = []time.Duration{0, 10 * time.Second, 30 * time.Second, 60 * time.Second, 60 * time.Second}
)

const (
	dhcpTimeout = 10 * time.Second
	maxPacket   = 4096
)

// Ask sends requests until one is answered or five were not.
func (e *Exchange) Ask(ctx context.Context) (Offer, error) { return e.ask(ctx, len(dhcpPauses)) }

func (e *Exchange) ask(ctx context.Context, tries int) (Offer, error) {
	mac, err := e.MAC()
	if err != nil {
		return Offer{}, fmt.Errorf("ask by DHCP: %w", err)
	}
	var last error
	for try, pause := range dhcpPauses[:tries] {
		if err := fabric.Sleep(ctx, pause); err != nil {
			return Offer{}, errors.Join(err, last)
		}
		o, err := e.once(ctx, mac, try > 0)
		if err == nil {
			o.Source = "DHCP"
			return o, nil
		}
		last = err
	}
	return Offer{}, fmt.Errorf("ask by DHCP: no answer: %w", last)
}

func (e *Exchange) once(ctx context.Context, mac net.HardwareAddr, broadcast bool) (Offer, error) {
	conn, err := e.Listen(ctx)
	if err != nil {
		return Offer{}, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	xid := rand.Uint32()
	if _, err := conn.WriteTo(discover(xid, mac, broadcast), server); err != nil {
		return Offer{}, err
	}
	if err := conn.SetReadDeadline(time.Now().Add(dhcpTimeout)); err != nil {
		return Offer{}, err
	}
	packet := make([]byte, maxPacket)
	for {
		n, _, err := conn.ReadFrom(packet)
		if err != nil {
			return Offer{}, err
		}
		if answers(packet[:n], xid, mac) {
			return ParseReply(packet[:n])
		}
	}
}

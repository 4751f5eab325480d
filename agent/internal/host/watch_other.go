//go:build !linux

package host

import (
	"context"
	"net"
	"net/netip"
	"os"
	"time"
)

// hostnamePeriod is how often a kernel that tells nobody is asked.
const hostnamePeriod = 30 * time.Second

// AwaitHostname returns when the kernel's host name has been set since now, or when ctx is done.
func (m *Machine) AwaitHostname(ctx context.Context, ready func()) error {
	before, err := os.Hostname()
	if err != nil {
		return err
	}
	if ready != nil {
		ready()
	}
	tick := time.NewTicker(hostnamePeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if now, err := os.Hostname(); err != nil || now != before {
			return err
		}
	}
}

// ListenDHCP opens a socket on port 68.
func ListenDHCP(ctx context.Context, _ string, _ netip.Addr) (net.PacketConn, error) {
	var lc net.ListenConfig
	return lc.ListenPacket(ctx, "udp4", ":68")
}

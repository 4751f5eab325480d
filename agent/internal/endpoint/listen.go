package endpoint

import (
	"context"
	"errors"
	"net"
	"os"

	"github.com/waagent-go/waagent/agent/internal/host"
)

// Listen opens a socket that reaches DHCP servers from the primary interface, or the first that is up, whether it has an
// address or not; where that cannot be had, an ordinary socket, which needs a route for broadcasts.
func Listen(ctx context.Context) (net.PacketConn, error) {
	i, err := firstInterface()
	if err != nil {
		return nil, err
	}
	f, err := host.OpenEthernet(i.Index)
	if err != nil {
		return ListenUDP(ctx)
	}
	return ethernet{f, i.HardwareAddr}, nil
}

// ListenUDP opens an ordinary socket.
func ListenUDP(ctx context.Context) (net.PacketConn, error) {
	var lc net.ListenConfig
	return lc.ListenPacket(ctx, "udp4", ":68")
}

// FirstMAC is the address of the interface that Listen uses.
func FirstMAC() (net.HardwareAddr, error) {
	i, err := firstInterface()
	return i.HardwareAddr, err
}

func firstInterface() (net.Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return net.Interface{}, err
	}
	primary, err := host.Files{Root: "/"}.PrimaryInterface()
	if err != nil {
		primary = "" // then any will do
	}
	if i, ok := choose(all, primary); ok {
		return i, nil
	}
	return net.Interface{}, errors.New("no network interface is up")
}

// choose takes the primary interface if DHCP can be spoken on it, otherwise the first on which it can.
func choose(all []net.Interface, primary string) (net.Interface, bool) {
	var first net.Interface
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 || len(i.HardwareAddr) != 6 {
			continue
		}
		if i.Name == primary {
			return i, true
		}
		if first.Name == "" {
			first = i
		}
	}
	return first, first.Name != ""
}

// ethernet is a socket for frames as one for the payloads of DHCP.
type ethernet struct {
	*os.File
	mac net.HardwareAddr
}

// ReadFrom reads the next message to a DHCP client. Where it came from is not told.
func (e ethernet) ReadFrom(p []byte) (int, net.Addr, error) {
	buffer := make([]byte, maxPacket)
	for {
		n, err := e.Read(buffer)
		if err != nil {
			return 0, nil, err
		}
		if payload, ok := unframe(buffer[:n]); ok {
			return copy(p, payload), nil, nil
		}
	}
}

// WriteTo broadcasts a request, whatever the address.
func (e ethernet) WriteTo(p []byte, _ net.Addr) (int, error) {
	if _, err := e.Write(frame(e.mac, p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// LocalAddr is that of a client without an address.
func (e ethernet) LocalAddr() net.Addr { return &net.UDPAddr{IP: net.IPv4zero, Port: clientPort} }

package host

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// OpenEthernet opens a socket for whole IPv4 Ethernet frames on an interface, which works before the interface has an
// address. Its deadlines work as those of any file that can be polled.
func OpenEthernet(ifindex int) (*os.File, error) {
	const kind = unix.SOCK_RAW | unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	protocol := uint16(unix.ETH_P_IP<<8&0xff00 | unix.ETH_P_IP>>8) // in network order
	fd, err := unix.Socket(unix.AF_PACKET, kind, int(protocol))
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: ifindex}); err != nil {
		_ = unix.Close(fd) // the first error says what is wrong
		return nil, fmt.Errorf("bind packet socket to interface %d: %w", ifindex, err)
	}
	return os.NewFile(uintptr(fd), "ethernet"), nil
}

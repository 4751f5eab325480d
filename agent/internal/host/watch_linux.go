package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// AwaitHostname returns when the kernel's host name has been set since now, or when ctx is done.
func (m *Machine) AwaitHostname(ctx context.Context, ready func()) error {
	// The kernel tells each open file once. os.Open would hand this one to Go's own poller as well, and whichever of the
	// two woke up second would hear nothing.
	fd, err := unix.Open("/proc/sys/kernel/hostname", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("watch the host name: %w", err)
	}
	defer unix.Close(fd)
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	defer w.Close()
	defer context.AfterFunc(ctx, func() { _, _ = w.Write([]byte{0}) })()
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLERR | unix.POLLPRI}, {Fd: int32(r.Fd()), Events: unix.POLLIN}}
	if ready != nil {
		ready() // from here on no change is missed
	}
	for {
		_, err := unix.Poll(fds, -1)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("watch the host name: %w", err)
		default:
			return nil
		}
	}
}

// ListenDHCP opens a socket on port 68 of one interface that may broadcast. It shares the port with the DHCP client
// that may be there, and with the zero Addr works before the interface has an address. An address makes the kernel
// prefer this socket to a client's that has only the address or only the interface.
func ListenDHCP(ctx context.Context, iface string, local netip.Addr) (net.PacketConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		controlErr := c.Control(func(fd uintptr) {
			err = errors.Join(
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1),
				unix.SetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE, iface))
		})
		return errors.Join(controlErr, err)
	}}
	if !local.IsValid() {
		local = netip.IPv4Unspecified()
	}
	return lc.ListenPacket(ctx, "udp4", netip.AddrPortFrom(local, 68).String())
}

package vnet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/containers/gvisor-tap-vsock/pkg/types"
)

// NIC is a port of the switch that one guest interface plugs into.
type NIC struct {
	// Socket is the unix socket that `qemu -netdev stream,addr.type=unix,addr.path=` connects to.
	Socket string
	MAC    net.HardwareAddr
	IP     netip.Addr

	net *Network
	l   net.Listener
}

// Attach makes a port for a NIC with this hardware address, which DHCP will give the address ip; the zero Addr takes
// the next free one. It listens on a unix socket made at the given path, until Detach or Close, across any number of
// connections.
func (n *Network) Attach(socket string, mac net.HardwareAddr, ip netip.Addr) (*NIC, error) {
	nic, err := n.reserve(mac, ip)
	if err != nil {
		return nil, err
	}
	nic.Socket = socket
	nic.l, err = net.Listen("unix", socket)
	if err != nil {
		n.forget(nic)
		return nil, fmt.Errorf("attach %s: %w", mac, err)
	}
	n.wg.Go(nic.accept)
	return nic, nil
}

func (n *Network) reserve(mac net.HardwareAddr, ip netip.Addr) (*NIC, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ctx.Err() != nil {
		return nil, fmt.Errorf("attach %s: %w", mac, net.ErrClosed)
	}
	if len(mac) != 6 || n.nics[mac.String()] != nil {
		return nil, fmt.Errorf("attach %s: not an unused Ethernet address", mac)
	}
	taken := map[netip.Addr]bool{n.gateway: true}
	for _, other := range n.nics {
		taken[other.IP] = true
	}
	if !ip.IsValid() {
		for ip = n.nextIP; taken[ip]; ip = ip.Next() {
		}
	}
	if taken[ip] || !n.subnet.Contains(ip) || !n.subnet.Contains(ip.Next()) { // the last one is for broadcasts
		return nil, fmt.Errorf("attach %s: %s is not a free address of %s", mac, ip, n.subnet)
	}
	nic := &NIC{MAC: mac, IP: ip, net: n}
	n.nics[mac.String()] = nic
	return nic, nil
}

func (n *Network) forget(nic *NIC) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.nics, nic.MAC.String())
}

// Detach unplugs the NIC and frees its address.
func (nic *NIC) Detach() error {
	nic.net.forget(nic)
	return nic.close()
}

func (nic *NIC) close() error {
	if nic.l == nil {
		return nil
	}
	err := nic.l.Close()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// accept serves one connection after the other: a guest that is powered off and on again finds its port.
func (nic *NIC) accept() {
	for {
		c, err := nic.l.Accept()
		if err != nil {
			return
		}
		nic.Plug(c)
	}
}

// Plug serves one connection that speaks QEMU's framing (a 32-bit big-endian length before each frame) until it or the
// network ends. It is for QEMU versions that must be handed a connected socket; others use Socket.
func (nic *NIC) Plug(c net.Conn) {
	p := newPlug(nic.net.ctx, c, nic)
	defer p.Close()
	nic.net.log.Debug("NIC plugged in", "mac", nic.MAC.String(), "ip", nic.IP.String())
	if err := nic.net.hub.Accept(p.ctx, p, types.QemuProtocol); err != nil {
		nic.net.log.Warn("NIC dropped", "mac", nic.MAC.String(), "error", err)
	}
}

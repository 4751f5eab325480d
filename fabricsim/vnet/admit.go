package vnet

import (
	"bytes"
	"encoding/binary"
	"net/netip"
)

const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
)

// admits tells whether a frame may enter the switch: it comes from the NIC's own hardware address, and speaks for no
// IPv4 address but the NIC's own, or none while it is asking for one. So a source address identifies a VM.
func (nic *NIC) admits(frame []byte) bool {
	if len(frame) < minFrame || !bytes.Equal(frame[6:12], nic.MAC) {
		return false
	}
	payload := frame[minFrame:]
	var from []byte
	switch binary.BigEndian.Uint16(frame[12:14]) {
	case etherIPv4:
		if len(payload) < 20 {
			return false
		}
		from = payload[12:16]
	case etherARP:
		if len(payload) < 28 {
			return false
		}
		from = payload[14:18]
	default:
		return false // no IPv6 on this network
	}
	a := netip.AddrFrom4([4]byte(from))
	return a == nic.IP || a.IsUnspecified()
}

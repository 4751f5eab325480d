package endpoint

import (
	"encoding/binary"
	"net"
)

// The frame around a DHCP request before there is an address: Ethernet and IP broadcast, from nobody.
const (
	etherSize  = 14
	ipSize     = 20
	udpSize    = 8
	etherIPv4  = 0x0800
	protoUDP   = 17
	clientPort = 68
	serverPort = 67
)

var broadcastMAC = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// frame wraps a request of the interface with the address mac.
func frame(mac net.HardwareAddr, payload []byte) []byte {
	f := make([]byte, etherSize+ipSize+udpSize, etherSize+ipSize+udpSize+len(payload))
	copy(f, broadcastMAC)
	copy(f[6:], mac)
	binary.BigEndian.PutUint16(f[12:], etherIPv4)

	ip := f[etherSize:]
	ip[0], ip[8], ip[9] = 0x45, 64, protoUDP
	binary.BigEndian.PutUint16(ip[2:], uint16(ipSize+udpSize+len(payload)))
	copy(ip[16:], net.IPv4bcast.To4())
	binary.BigEndian.PutUint16(ip[10:], checksum(ip[:ipSize]))

	udp := ip[ipSize:]
	binary.BigEndian.PutUint16(udp, clientPort)
	binary.BigEndian.PutUint16(udp[2:], serverPort)
	binary.BigEndian.PutUint16(udp[4:], uint16(udpSize+len(payload)))
	return append(f, payload...) // a UDP checksum of 0 is none
}

// unframe takes the payload out of a frame to a DHCP client; ok is false for any other frame.
func unframe(f []byte) (payload []byte, ok bool) {
	if len(f) < etherSize+ipSize+udpSize || binary.BigEndian.Uint16(f[12:]) != etherIPv4 {
		return nil, false
	}
	ip := f[etherSize:]
	head := int(ip[0]&0xf) * 4
	if ip[0]>>4 != 4 || head < ipSize || ip[9] != protoUDP || len(ip) < head+udpSize {
		return nil, false
	}
	udp := ip[head:]
	size := int(binary.BigEndian.Uint16(udp[4:]))
	if binary.BigEndian.Uint16(udp[2:]) != clientPort || size < udpSize || size > len(udp) {
		return nil, false
	}
	return udp[udpSize:size], true
}

func checksum(b []byte) uint16 {
	sum := uint32(0)
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

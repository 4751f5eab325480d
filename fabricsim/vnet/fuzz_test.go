package vnet

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Whatever a guest sends, what gets past admits is from its own addresses.
func FuzzFrames(f *testing.F) {
	mac := net.HardwareAddr{0, 13, 58, 0, 0, 10}
	nic := &NIC{MAC: mac, IP: netip.MustParseAddr("10.0.0.4")}
	honest := append(append(bytes.Repeat([]byte{255}, 6), mac...), 8, 0)
	f.Add(append(binary.BigEndian.AppendUint32(nil, 34), append(honest, make([]byte, 20)...)...))
	f.Add([]byte{0, 0, 0, 3, 1, 2, 3})
	f.Add([]byte{255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := bytes.NewReader(stream)
		for {
			frame, err := readFrame(r)
			if err != nil {
				return
			}
			if len(frame) > maxFrame {
				t.Fatalf("a frame of %d bytes", len(frame))
			}
			if nic.admits(frame) && !bytes.Equal(frame[6:12], mac) {
				t.Fatalf("admitted from %x", frame[6:12])
			}
		}
	})
}

// A request never brings the server down, and a name it records is one label.
func FuzzRequests(f *testing.F) {
	mac := net.HardwareAddr{0, 13, 58, 0, 0, 10}
	nic := &NIC{MAC: mac, IP: netip.MustParseAddr("10.0.0.4")}
	n := &Network{subnet: netip.MustParsePrefix("10.0.0.0/24"), gateway: netip.MustParseAddr("10.0.0.1")}
	for _, kind := range []dhcpv4.MessageType{dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeRequest, dhcpv4.MessageTypeInform} {
		m, err := dhcpv4.New(dhcpv4.WithMessageType(kind), dhcpv4.WithHwAddr(mac), dhcpv4.WithOption(dhcpv4.OptHostName("a.b")),
			dhcpv4.WithGeneric(dhcpv4.OptionFQDN, []byte("\x04\x00\x00\x03abc\x00")))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(m.ToBytes())
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		ask, err := dhcpv4.FromBytes(packet)
		if err != nil {
			return
		}
		if name := hostName(ask); strings.Contains(name, ".") {
			t.Fatalf("name %q", name)
		}
		reply, err := n.reply(ask, nic, DHCP{})
		if err != nil || reply == nil {
			return
		}
		again, err := dhcpv4.FromBytes(reply.ToBytes())
		if err != nil || again.TransactionID != ask.TransactionID {
			t.Fatalf("reply %v: %v", reply, err)
		}
		replyTo(ask)
	})
}

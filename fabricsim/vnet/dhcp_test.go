package vnet

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
	"gotest.tools/v3/golden"
)

// Scanners of cloud-init and the Python agent take every code to have a length byte, so no padding may stand between
// options; and they look at 121, 249 and 245, none of which they ask for.
func TestDHCPAnswersAsAzureDoes(t *testing.T) {
	t.Parallel()
	n := network(t, Options{})
	g := plugIn(t, n, macA, netip.Addr{})
	reply := g.ask(t, dhcpv4.WithMessageType(dhcpv4.MessageTypeDiscover))
	assert.Assert(t, reply != nil)
	assert.Equal(t, reply.MessageType(), dhcpv4.MessageTypeOffer)
	assert.Equal(t, reply.YourIPAddr.String(), "10.0.0.4")
	routes := "\x00\x0a\x00\x00\x01" + "\x20\xa8\x3f\x81\x10\x0a\x00\x00\x01" + "\x20\xa9\xfe\xa9\xfe\x0a\x00\x00\x01"
	assert.DeepEqual(t, options(t, reply.ToBytes()), map[byte]string{
		1:   "\xff\xff\xff\x00",
		3:   "\x0a\x00\x00\x01",
		6:   "\xa8\x3f\x81\x10",
		15:  DefaultDomain,
		51:  "\xff\xff\xff\xfe",
		53:  "\x02",
		54:  "\xa8\x3f\x81\x10",
		121: routes,
		245: "\xa8\x3f\x81\x10",
		249: routes,
	})
}

// The bytes of the replies to a client's first request, its second, and one for an address it may not have.
func TestDHCPRepliesHaveTheirBytes(t *testing.T) {
	t.Parallel()
	n := network(t, Options{})
	g := plugIn(t, n, macA, netip.Addr{})
	var all strings.Builder
	for _, ask := range [][]dhcpv4.Modifier{
		{dhcpv4.WithMessageType(dhcpv4.MessageTypeDiscover)},
		{dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest), dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(net.IPv4(10, 0, 0, 4)))},
		{dhcpv4.WithMessageType(dhcpv4.MessageTypeInform), dhcpv4.WithClientIP(net.IPv4(10, 0, 0, 4))},
		{dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest), dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(net.IPv4(10, 9, 9, 9)))},
	} {
		reply := g.ask(t, ask...)
		assert.Assert(t, reply != nil)
		packet := reply.ToBytes()
		copy(packet[4:8], "XXXX") // the client's random number
		fmt.Fprintf(&all, "%s\n%s\n", reply.MessageType(), hex.Dump(packet))
	}
	golden.Assert(t, all.String(), "replies.golden")
}

// options reads a reply as the agents do: without knowing of padding.
func options(t *testing.T, packet []byte) map[byte]string {
	t.Helper()
	found := map[byte]string{}
	for rest := packet[240:]; rest[0] != 255; rest = rest[2+rest[1]:] {
		found[rest[0]] = string(rest[2 : 2+rest[1]])
	}
	return found
}

func TestDHCPAnswersByMessageType(t *testing.T) {
	t.Parallel()
	ip := func(s string) dhcpv4.Modifier {
		return dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(net.ParseIP(s)))
	}
	for name, c := range map[string]struct {
		ask  []dhcpv4.Modifier
		want dhcpv4.MessageType // none: silence
	}{
		"selecting":                   {[]dhcpv4.Modifier{dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest), ip("10.0.0.4")}, dhcpv4.MessageTypeAck},
		"broadcast flag":              {[]dhcpv4.Modifier{dhcpv4.WithMessageType(dhcpv4.MessageTypeDiscover), dhcpv4.WithBroadcast(true)}, dhcpv4.MessageTypeOffer},
		"reboot with an old address":  {[]dhcpv4.Modifier{dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest), ip("10.9.9.9")}, dhcpv4.MessageTypeNak},
		"renewal":                     {[]dhcpv4.Modifier{dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest), dhcpv4.WithClientIP(net.ParseIP("10.0.0.4"))}, dhcpv4.MessageTypeAck},
		"inform":                      {[]dhcpv4.Modifier{dhcpv4.WithMessageType(dhcpv4.MessageTypeInform), dhcpv4.WithClientIP(net.ParseIP("10.0.0.4"))}, dhcpv4.MessageTypeAck},
		"release":                     {[]dhcpv4.Modifier{dhcpv4.WithMessageType(dhcpv4.MessageTypeRelease)}, dhcpv4.MessageTypeNone},
		"a client nobody has plugged": {[]dhcpv4.Modifier{dhcpv4.WithMessageType(dhcpv4.MessageTypeDiscover), dhcpv4.WithHwAddr(net.HardwareAddr{2, 0, 0, 0, 0, 1})}, dhcpv4.MessageTypeNone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := network(t, Options{})
			reply := plugIn(t, n, macA, netip.Addr{}).ask(t, c.ask...)
			if c.want == dhcpv4.MessageTypeNone {
				assert.Assert(t, is.Nil(reply))
				return
			}
			assert.Assert(t, reply != nil)
			assert.Equal(t, reply.MessageType(), c.want)
		})
	}
}

func TestDHCPLeavesOutWhatItIsTold(t *testing.T) {
	t.Parallel()
	n := network(t, Options{})
	g := plugIn(t, n, macA, netip.Addr{})
	for _, c := range []struct {
		how  DHCP
		lost byte
	}{{DHCP{NoEndpoint: true}, 245}, {DHCP{NoRoutes: true}, 121}, {DHCP{NoMSRoutes: true}, 249}, {DHCP{NoRouter: true}, 3}} {
		n.SetDHCP(c.how)
		reply := g.ask(t, dhcpv4.WithMessageType(dhcpv4.MessageTypeDiscover))
		assert.Assert(t, reply != nil)
		found := options(t, reply.ToBytes())
		assert.Equal(t, len(found), 9)
		_, there := found[c.lost]
		assert.Assert(t, !there, "option %d", c.lost)
	}
	n.SetDHCP(DHCP{Silent: true})
	assert.Assert(t, g.ask(t, dhcpv4.WithMessageType(dhcpv4.MessageTypeDiscover)) == nil)
}

func TestALeaseNamesTheGuest(t *testing.T) {
	t.Parallel()
	leases := make(chan Lease, 2)
	n := network(t, Options{Leases: func(l Lease) { leases <- l }})
	g := plugIn(t, n, macA, netip.Addr{})
	request := []dhcpv4.Modifier{
		dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest), dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(g.IP.AsSlice())),
	}
	g.ask(t, append(request, dhcpv4.WithOption(dhcpv4.OptHostName("Web-1")))...)
	assert.DeepEqual(t, (<-leases).Name, "Web-1")
	ip, ok := n.Lookup("web-1." + DefaultDomain + ".")
	assert.Assert(t, ok)
	assert.Equal(t, ip, g.IP)
	g.ask(t, append(request, dhcpv4.WithGeneric(dhcpv4.OptionFQDN, []byte("\x05\x00\x00\x05web-2\x07example\x00")))...)
	assert.DeepEqual(t, (<-leases).Name, "web-2")
	_, ok = n.Lookup("web-1")
	assert.Assert(t, !ok, "the old name is still known")
}

func TestClientNames(t *testing.T) {
	t.Parallel()
	for option, want := range map[string]string{
		"":                                "",
		"\x00\x00\x00":                    "",
		"\x00\x00\x00plain.example":       "plain.example",
		"\x04\x00\x00\x04wire\x00":        "wire",
		"\x04\x00\x00\x07partial":         "partial",
		"\x04\x00\x00\xff":                "",
		"\x04\x00\x00\x04wire\x03com\x00": "wire.com",
	} {
		assert.Equal(t, fqdn([]byte(option)), want, "%q", option)
	}
}

package dns

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
)

func TestNamesOfAFabricAreAnswered(t *testing.T) {
	t.Parallel()
	r := New()
	blob, web := netip.MustParseAddr("168.63.129.20"), netip.MustParseAddr("10.0.0.4")
	r.Wildcard("blob.fabricsim.test", blob)
	r.Register("Web01", web)
	for _, tc := range []struct {
		name  string
		kind  uint16
		rcode int
		want  string
	}{
		{"md-x.blob.fabricsim.test.", dns.TypeA, dns.RcodeSuccess, "168.63.129.20"},
		{"MD-X.Blob.FabricSim.test.", dns.TypeA, dns.RcodeSuccess, "168.63.129.20"},
		{"md-x.blob.fabricsim.test.", dns.TypeAAAA, dns.RcodeSuccess, ""},
		{"blob.fabricsim.test.", dns.TypeA, dns.RcodeNameError, ""},
		{"web01.", dns.TypeA, dns.RcodeSuccess, "10.0.0.4"},
		{"web01.internal.cloudapp.net.", dns.TypeA, dns.RcodeSuccess, "10.0.0.4"},
		{"other.", dns.TypeA, dns.RcodeNameError, ""},
		{"4.0.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeSuccess, "web01."},
		{"5.0.0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeNameError, ""},
		{"0.10.in-addr.arpa.", dns.TypePTR, dns.RcodeNameError, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			q := new(dns.Msg)
			q.SetQuestion(tc.name, tc.kind)
			m := r.Answer(q)
			assert.Equal(t, m.Rcode, tc.rcode)
			got := ""
			for _, rr := range m.Answer {
				switch x := rr.(type) {
				case *dns.A:
					got = x.A.String()
				case *dns.PTR:
					got = x.Ptr
				}
			}
			assert.Equal(t, got, tc.want)
			_, err := m.Pack()
			assert.NilError(t, err)
		})
	}
}

func TestAnswersHaveTheirBytes(t *testing.T) {
	t.Parallel()
	r := New()
	r.Wildcard("blob.fabricsim.test", netip.MustParseAddr("168.63.129.20"))
	r.Register("web01", netip.MustParseAddr("10.0.0.4"))
	var all strings.Builder
	for _, ask := range []struct {
		name string
		kind uint16
	}{
		{"md-x.blob.fabricsim.test.", dns.TypeA}, {"md-x.blob.fabricsim.test.", dns.TypeAAAA}, {"web01.internal.cloudapp.net.", dns.TypeA},
		{"4.0.0.10.in-addr.arpa.", dns.TypePTR}, {"other.", dns.TypeA},
	} {
		q := new(dns.Msg).SetQuestion(ask.name, ask.kind)
		q.Id = 0x4242
		packet, err := r.Answer(q).Pack()
		assert.NilError(t, err)
		fmt.Fprintf(&all, "%s %s\n%s\n", dns.TypeToString[ask.kind], ask.name, hex.Dump(packet))
	}
	golden.Assert(t, all.String(), "answers.golden")
}

func TestANewNameReplacesTheOldOne(t *testing.T) {
	t.Parallel()
	r := New()
	a := netip.MustParseAddr("10.0.0.4")
	r.Register("old", a)
	r.Register("new", a)
	_, ok := r.Lookup("old")
	assert.Assert(t, !ok)
	name, _ := r.Name(a)
	assert.Equal(t, name, "new")
	r.Register("", a)
	_, ok = r.Lookup("new")
	assert.Assert(t, !ok)
}

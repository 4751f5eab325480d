package dns

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"
	"gotest.tools/v3/assert"
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

package dns

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"
	"gotest.tools/v3/assert"
)

// FuzzAnswer asks foreign questions. Each message that can be read gets an answer that can be sent, with its number.
func FuzzAnswer(f *testing.F) {
	records := New()
	records.Wildcard("blob.fabricsim.test", netip.MustParseAddr("168.63.129.20"))
	records.Register("Web01", netip.MustParseAddr("10.0.0.4"))
	for name, kind := range map[string]uint16{
		"md-x.blob.fabricsim.test.": dns.TypeA, "web01.": dns.TypeAAAA, "4.0.0.10.in-addr.arpa.": dns.TypePTR, ".": dns.TypeANY,
	} {
		q := new(dns.Msg)
		q.SetQuestion(name, kind)
		packed, err := q.Pack()
		assert.NilError(f, err)
		f.Add(packed)
		f.Add(packed[:len(packed)-3])
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		q := new(dns.Msg)
		if q.Unpack(message) != nil {
			return
		}
		a := records.Answer(q)
		assert.Equal(t, a.Id, q.Id)
		assert.Assert(t, a.Response)
		assert.Assert(t, len(a.Answer) <= 1)
		_, err := a.Pack()
		assert.NilError(t, err)
	})
}

// Package dns answers the names of a simulated fabric: blob storage and the host names VMs registered. It is a
// miekg/dns handler; whoever has a network serves it there.
package dns

import (
	"net/netip"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// Records are the names a fabric knows, and a handler that answers A and PTR questions from them: nothing for other
// types of a known name, NXDOMAIN for unknown names. It may be used by many goroutines at once.
type Records struct {
	mu    sync.Mutex
	zones map[string]netip.Addr // "blob.fabricsim.test." answers for all names below
	hosts map[string]netip.Addr
	names map[netip.Addr]string
}

// New is Records that know no name. A fabric adds those of its blob storage.
func New() *Records { return &Records{} }

// Wildcard makes every name below domain answer with addr.
func (r *Records) Wildcard(domain string, addr netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.zones == nil {
		r.zones = map[string]netip.Addr{}
	}
	r.zones[fqdn(domain)] = addr
}

// Register gives a host name to an address, in place of the one it had. An empty name only takes the old one away.
func (r *Records) Register(name string, addr netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hosts == nil {
		r.hosts, r.names = map[string]netip.Addr{}, map[netip.Addr]string{}
	}
	if old, ok := r.names[addr]; ok && r.hosts[old] == addr {
		delete(r.hosts, old)
	}
	delete(r.names, addr)
	if name == "" {
		return
	}
	r.hosts[fqdn(name)] = addr
	r.names[addr] = fqdn(name)
}

// Lookup answers a name, whatever its case, with or without a dot at its end. A host is found by its first label too.
func (r *Records) Lookup(name string) (netip.Addr, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name = fqdn(name)
	for _, host := range []string{name, firstLabel(name)} {
		if a, ok := r.hosts[host]; ok {
			return a, true
		}
	}
	for zone, a := range r.zones {
		if strings.HasSuffix(name, "."+zone) {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// Name answers an address with its host name, without the dot at the end.
func (r *Records) Name(addr netip.Addr) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name, ok := r.names[addr]
	return strings.TrimSuffix(name, "."), ok
}

func fqdn(name string) string { return strings.ToLower(dns.Fqdn(name)) }

// firstLabel is name without its domain: guests append the search domain that DHCP gave them.
func firstLabel(name string) string {
	label, _, _ := strings.Cut(name, ".")
	return label + "."
}

// ServeDNS answers a query.
func (r *Records) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	w.WriteMsg(r.Answer(q)) //nolint:errcheck // the client asks again
}

// Answer is the reply to a query.
func (r *Records) Answer(q *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(q)
	m.Authoritative, m.RecursionAvailable = true, true
	if len(q.Question) != 1 {
		m.Rcode = dns.RcodeFormatError
		return m
	}
	question := q.Question[0]
	if question.Qtype == dns.TypePTR {
		answerPTR(r, m, question)
		return m
	}
	addr, ok := r.Lookup(question.Name)
	if !ok {
		m.Rcode = dns.RcodeNameError
		return m
	}
	header := dns.RR_Header{Name: question.Name, Class: dns.ClassINET, Ttl: 5}
	switch {
	case question.Qtype == dns.TypeA && addr.Is4():
		header.Rrtype = dns.TypeA
		m.Answer = append(m.Answer, &dns.A{Hdr: header, A: addr.AsSlice()})
	case question.Qtype == dns.TypeAAAA && addr.Is6():
		header.Rrtype = dns.TypeAAAA
		m.Answer = append(m.Answer, &dns.AAAA{Hdr: header, AAAA: addr.AsSlice()})
	}
	return m
}

func answerPTR(records *Records, m *dns.Msg, q dns.Question) {
	m.Rcode = dns.RcodeNameError
	addr, ok := reverse(q.Name)
	if !ok {
		return
	}
	name, ok := records.Name(addr)
	if !ok {
		return
	}
	m.Rcode = dns.RcodeSuccess
	m.Answer = append(m.Answer, &dns.PTR{
		Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypePTR, Class: dns.ClassINET, Ttl: 5}, Ptr: dns.Fqdn(name),
	})
}

// reverse reads an IPv4 address from its in-addr.arpa name.
func reverse(name string) (netip.Addr, bool) {
	digits, ok := strings.CutSuffix(strings.ToLower(name), ".in-addr.arpa.")
	if !ok {
		return netip.Addr{}, false
	}
	parts := strings.Split(digits, ".")
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	a, err := netip.ParseAddr(strings.Join(parts, "."))
	return a, err == nil && len(parts) == 4
}

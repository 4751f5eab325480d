package firewall

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// listing is what the two kinds of iptables print of the agent's rules.
var listing = []string{
	"-P OUTPUT ACCEPT",
	"-A OUTPUT -d 168.63.129.16/32 -p tcp -m tcp --dport 53 -j ACCEPT",
	"-A OUTPUT -d 168.63.129.16/32 -p tcp -m owner --uid-owner 0 -j ACCEPT",
	"-A OUTPUT -d 168.63.129.16/32 -p tcp -m conntrack --ctstate INVALID,NEW -j DROP",
	"-A OUTPUT -p tcp -m conntrack --ctstate NEW,INVALID -d 168.63.129.16/32 -j DROP",
}

func TestEachSpellingOfARuleIsKnown(t *testing.T) {
	t.Parallel()
	all := rules(netip.MustParseAddr("168.63.129.16"), 0)
	for i, want := range [][]bool{{false, false, false}, {true, false, false}, {false, true, false}, {false, false, true}, {false, false, true}} {
		for j, r := range all {
			assert.Equal(t, spellsRule(listing[i], r), want[j], "%s: rule %d", listing[i], j)
		}
	}
	for version, want := range map[string]bool{
		"iptables v1.8.9 (nf_tables)": true, "iptables v1.4.21": true, "iptables v1.4.20": false, "iptables v2.0.0": true, "": false, "iptables": false,
	} {
		assert.Equal(t, waits(version), want, version)
	}
}

// FuzzListing: a line of iptables spells at most one of the rules, and only one of the chain's own.
func FuzzListing(f *testing.F) {
	for _, l := range listing {
		f.Add(l)
	}
	all := rules(netip.MustParseAddr("168.63.129.16"), 0)
	f.Fuzz(func(t *testing.T, line string) {
		found := slices.DeleteFunc(slices.Clone(all), func(r []string) bool { return !spellsRule(line, r) })
		assert.Assert(t, len(found) <= 1)
		if len(found) == 1 {
			assert.Assert(t, strings.HasPrefix(line, "-A OUTPUT ") && strings.Contains(line, "168.63.129.16"))
		}
		_ = waits(line)
	})
}

package extension

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// version is the numbers of a dotted version; leading zeros are gone.
type version []int

func parseVersion(s string) (version, error) {
	var v version
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || part[0] == '+' {
			return nil, fmt.Errorf("version %q is not dotted numbers", s)
		}
		v = append(v, n)
	}
	return v, nil
}

func (v version) String() string {
	var parts []string
	for _, n := range v {
		parts = append(parts, strconv.Itoa(n))
	}
	return strings.Join(parts, ".")
}

// compare orders versions; missing numbers at the end count as 0.
func (v version) compare(w version) int {
	for i := range max(len(v), len(w)) {
		var a, b int
		if i < len(v) {
			a = v[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if c := cmp.Compare(a, b); c != 0 {
			return c
		}
	}
	return 0
}

// matches says whether v, as it was asked for, is a prefix of candidate: 1.0 matches 1.0.5.2, 1.0.0 not 1.0.
func (v version) matches(candidate version) bool {
	if len(v) > len(candidate) {
		return false
	}
	return v.compare(candidate[:len(v)]) == 0
}

// candidate is a package of the manifest.
type candidate struct {
	version version
	uris    []string
}

// choose returns the highest version that the wanted one is a prefix of; internal ones count like public ones.
func choose(m wireserver.Manifest, wanted version) (candidate, bool) {
	var best candidate
	for _, p := range append(m.Plugins[:len(m.Plugins):len(m.Plugins)], m.InternalPlugins...) {
		v, err := parseVersion(strings.TrimSpace(p.Version))
		if err != nil || !wanted.matches(v) {
			continue
		}
		if best.version == nil || v.compare(best.version) >= 0 {
			best = candidate{v, p.URIs}
		}
	}
	return best, best.version != nil
}

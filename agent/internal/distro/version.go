package distro

import (
	"cmp"
	"strconv"
	"strings"
)

// compareVersions orders distribution versions as the original does: runs of digits as numbers, so that 8.10 > 8.6 and
// 9 > 8.6, other runs as text. Where the original crashes, on a number against text, text is the newer: "sid".
func compareVersions(a, b string) int {
	x, y := versionParts(a), versionParts(b)
	for i := range min(len(x), len(y)) {
		if c := comparePart(x[i], y[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

func comparePart(a, b string) int {
	n, errA := strconv.Atoi(a)
	m, errB := strconv.Atoi(b)
	switch {
	case errA == nil && errB == nil:
		return cmp.Compare(n, m)
	case errA == nil:
		return -1
	case errB == nil:
		return 1
	}
	return strings.Compare(a, b)
}

// versionParts splits into runs of digits and runs of anything else but dots.
func versionParts(s string) []string {
	var parts []string
	kind := func(c byte) int {
		switch {
		case c >= '0' && c <= '9':
			return 1
		case c == '.':
			return 0
		}
		return 2
	}
	start := 0
	for i := 1; i <= len(s); i++ {
		if i < len(s) && kind(s[i]) == kind(s[start]) {
			continue
		}
		if kind(s[start]) != 0 {
			parts = append(parts, s[start:i])
		}
		start = i
	}
	return parts
}

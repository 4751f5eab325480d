package logline

import "strings"

// sasParameters are the query parameters by which a shared access signature is known.
var sasParameters = []string{"sig", "se", "st", "sv", "sr", "sp", "ss", "srt", "sip", "spr", "skoid", "sktid", "ske", "skt", "sks", "skv"}

// Redact replaces the query of each http(s) URL in s that carries a shared access signature: whoever has the query has
// the blob. Queries of the fabric ("?comp=goalstate") stay readable.
func Redact(s string) string {
	if !strings.Contains(s, "://") || !strings.Contains(s, "?") {
		return s
	}
	var b strings.Builder
	for {
		at := urlStart(s)
		if at < 0 {
			b.WriteString(s)
			return b.String()
		}
		end := at + urlLength(s[at:])
		url := s[at:end]
		b.WriteString(s[:at])
		if base, query, ok := strings.Cut(url, "?"); ok && isSAS(query) {
			url = base + "?<redacted>"
		}
		b.WriteString(url)
		s = s[end:]
	}
}

// urlStart finds the next "http://" or "https://", in any case.
func urlStart(s string) int {
	for from := 0; ; {
		i := strings.Index(s[from:], "://")
		if i < 0 {
			return -1
		}
		i += from
		for _, scheme := range []string{"https", "http"} {
			if i >= len(scheme) && strings.EqualFold(s[i-len(scheme):i], scheme) {
				return i - len(scheme)
			}
		}
		from = i + len("://")
	}
}

func urlLength(s string) int {
	for i := range len(s) {
		if s[i] <= ' ' || strings.IndexByte("\"'<>`", s[i]) >= 0 {
			return i
		}
	}
	return len(s)
}

func isSAS(query string) bool {
	query = strings.ReplaceAll(query, "&amp;", "&")
	for _, parameter := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == '?' || r == ';' }) {
		name, _, ok := strings.Cut(parameter, "=")
		if !ok {
			continue
		}
		for _, known := range sasParameters {
			if strings.EqualFold(name, known) {
				return true
			}
		}
	}
	return false
}

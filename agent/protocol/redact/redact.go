// Package redact keeps shared-access signatures and other secrets out of whatever a person or a third party reads: log
// lines, events, status messages, saved documents. It finds them however a document spells them: escaped in JSON, in
// JSON within JSON, in XML, or percent-encoded. It never decides where such a text goes.
package redact

import (
	"net/url"
	"regexp"
	"strings"
)

// Mark stands where the query of a storage URL was; tools that read the logs know it.
const Mark = "<redacted>"

// Two steps, because the keys of a signature come in any order: the URL with its query first, then whether one of its
// keys belongs to a signature.
var (
	urlWithQuery = regexp.MustCompile("(?i)https?://[^\\s?\"'<>`]*\\?([^\\s\"'<>`]+)")
	bareSign     = regexp.MustCompile("(?i)\\bsig=([^\\s&\"'<>`]+)")
	signatureKey = regexp.MustCompile(`(?i)(?:^|[&;?])(?:s[eprstv]|srt|sip|spr|sig|skoid|sktid|sk[esvt])=`)
)

// SAS replaces by Mark the query of every http(s) URL in text that carries a shared-access signature, and the value of
// a signature that stands alone, as in a server's complaint about a path. The rest of text stays byte for byte.
func SAS(text string) string {
	text = replace(text, urlWithQuery, Mark, signatureKey.MatchString)
	return replace(text, bareSign, Mark, nil)
}

// URL is u without its query, whatever it holds: the form in which a URL goes into an error.
func URL(u string) string {
	head, query, found := strings.Cut(u, "?")
	if !found || query == "" {
		return head
	}
	if p, err := url.Parse(u); err == nil && p.Query().Has("comp") && SAS(u) == u {
		return u // WireServer's own routes are queries and hold no secret
	}
	return head + "?" + Mark
}

// Group replaces by mark what the first group of pattern matches. The pattern sees text without its escapes, so that
// it need know one spelling only.
func Group(text string, pattern *regexp.Regexp, mark string) string {
	return replace(text, pattern, mark, nil)
}

// replace puts mark where the first group of pattern matched, if that is a secret; nil: it always is.
func replace(text string, pattern *regexp.Regexp, mark string, secret func(string) bool) string {
	p := unescape(text)
	var b strings.Builder
	from := 0
	for _, m := range pattern.FindAllStringSubmatchIndex(p.text, -1) {
		if m[2] == m[3] || secret != nil && !secret(p.text[m[2]:m[3]]) {
			continue
		}
		b.WriteString(text[from:p.source(m[2])])
		b.WriteString(mark)
		from = p.source(m[3])
	}
	if from == 0 {
		return text
	}
	return b.String() + text[from:]
}

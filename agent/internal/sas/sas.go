// Package sas keeps shared-access signatures out of whatever a person or a third party reads: log lines, events, status
// messages, saved documents. It never decides where such a text goes.
package sas

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
	urlWithQuery = regexp.MustCompile(`(?i)https?://[^\s?]*\?[^\s"'<>]+`)
	bareSign     = regexp.MustCompile(`(?i)\b(sig=)[^\s&"'<>]+`)
	signatureKey = regexp.MustCompile(`(?i)(?:^|[&;?])(?:amp;)?(?:sv|st|se|sr|sp|sip|spr|sig|skoid|sktid)=`)
)

// Redact replaces the query of every http(s) URL in text that carries a shared-access signature, and a signature that
// stands alone, as in a server's complaint about a path.
func Redact(text string) string {
	if !strings.Contains(text, "=") {
		return text
	}
	text = urlWithQuery.ReplaceAllStringFunc(text, func(u string) string {
		head, query, _ := strings.Cut(u, "?")
		if !signatureKey.MatchString(query) {
			return u
		}
		return head + "?" + Mark
	})
	return bareSign.ReplaceAllString(text, "${1}"+Mark)
}

// URL is u without its query, whatever it holds: the form in which a URL goes into an error.
func URL(u string) string {
	head, query, found := strings.Cut(u, "?")
	if !found || query == "" {
		return head
	}
	if p, err := url.Parse(u); err == nil && p.Query().Has("comp") && !signatureKey.MatchString(query) {
		return u // WireServer's own routes are queries and hold no secret
	}
	return head + "?" + Mark
}

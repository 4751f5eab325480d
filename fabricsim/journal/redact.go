package journal

import "strings"

// Redact hides the query of a URL that carries a SAS token, wherever a signature stands in it.
func Redact(url string) string {
	base, query, found := strings.Cut(url, "?")
	if !found {
		return url
	}
	for _, pair := range strings.Split(query, "&") {
		if name, _, _ := strings.Cut(pair, "="); strings.EqualFold(name, "sig") {
			return base + "?<redacted>"
		}
	}
	return url
}

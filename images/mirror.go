package images

import (
	"bufio"
	"io/fs"
	"net/url"
	"path"
	"strings"
)

// mirror is the Debian archive that this host's own apt uses, so that a host behind a mirror builds from it; "" leaves
// the choice to mmdebstrap.
func mirror(root fs.FS) string {
	files, _ := fs.Glob(root, "etc/apt/sources.list.d/*")
	for _, name := range append([]string{"etc/apt/sources.list"}, files...) {
		data, err := fs.ReadFile(root, name)
		if err != nil {
			continue
		}
		for _, uri := range sources(string(data)) {
			u, err := url.Parse(uri)
			if err == nil && (u.Scheme == "http" || u.Scheme == "https") && path.Base(u.Path) == "debian" {
				return uri
			}
		}
	}
	return ""
}

// sources returns the URIs of a sources file, in the one-line or in the stanza format.
func sources(text string) []string {
	var uris []string
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		switch {
		case strings.EqualFold(fields[0], "URIs:"):
			uris = append(uris, fields[1:]...)
		case fields[0] == "deb":
			rest := fields[1:]
			if strings.HasPrefix(rest[0], "[") { // options, which may hold spaces
				for len(rest) > 0 && !strings.HasSuffix(rest[0], "]") {
					rest = rest[1:]
				}
				rest = rest[min(1, len(rest)):]
			}
			if len(rest) > 0 {
				uris = append(uris, rest[0])
			}
		}
	}
	return uris
}

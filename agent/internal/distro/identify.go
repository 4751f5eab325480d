// Package distro answers which distribution this is, and what differs there: service names, paths, commands. It holds
// data and the few words that read it; a new distribution is a row and an os-release fixture.
package distro

import (
	"strings"

	"github.com/waagent-go/waagent/agent/internal/host"
)

// Info is what a distribution calls itself.
type Info struct {
	ID       string // lower case: "ubuntu"
	Version  string // "22.04"
	CodeName string
	FullName string
}

// Detect reads os-release, then the files by which appliances and derivatives are known; later ones win.
func Detect(files host.Files) Info {
	info := fromOSRelease(files)
	for _, o := range overrides() {
		if files.Exists(o.file) {
			o.apply(files, &info)
		}
	}
	info.ID = strings.ToLower(strings.Trim(info.ID, "\"' "))
	return info
}

func fromOSRelease(files host.Files) Info {
	data, err := files.ReadFile("/etc/os-release")
	if err != nil {
		if data, err = files.ReadFile("/usr/lib/os-release"); err != nil {
			return Info{}
		}
	}
	fields := ParseOSRelease(data)
	id := strings.ReplaceAll(strings.ToLower(fields["ID"]), " ", "_")
	if strings.EqualFold(fields["VARIANT_ID"], "azurecontainerlinux") { // its ID is Azure Linux's
		id = "azurecontainerlinux"
	}
	switch id { // the names by which the original knows them
	case "ol":
		id = "oracle"
	case "opensuse-leap":
		id = "opensuse"
	}
	return Info{ID: id, Version: fields["VERSION_ID"], CodeName: fields["VERSION_CODENAME"], FullName: fields["NAME"]}
}

// ParseOSRelease reads the shell-like assignments of os-release(5): quotes of both kinds, backslash escapes, comments.
func ParseOSRelease(data []byte) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		key, value, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		fields[strings.TrimSpace(key)] = unquote(strings.TrimSpace(value))
	}
	return fields
}

func unquote(s string) string {
	if len(s) < 2 || s[0] != s[len(s)-1] || s[0] != '"' && s[0] != '\'' {
		return s
	}
	quote := s[0]
	s = s[1 : len(s)-1]
	if quote == '\'' {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

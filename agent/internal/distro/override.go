package distro

import (
	"strings"

	"github.com/waagent-go/waagent/agent/internal/host"
)

// override is a file whose presence says what os-release does not.
type override struct {
	file  string
	apply func(host.Files, *Info)
}

func overrides() []override {
	rename := func(id string) func(host.Files, *Info) {
		return func(_ host.Files, info *Info) { info.ID = id }
	}
	return []override{
		{"/etc/oracle-release", func(_ host.Files, info *Info) { info.CodeName, info.FullName = "oracle", "Oracle Linux" }},
		{"/etc/euleros-release", rename("euleros")},
		{"/etc/UnionTech-release", rename("uos")},
		{"/etc/mariner-release", rename("mariner")},
		{"/shared/vadc", f5},
		{"/etc/cp-release", gaia},
		{"/home/guestshell/azure", func(_ host.Files, info *Info) { info.ID, info.FullName = "iosxe", "csr1000v" }},
		{"/etc/photon-release", rename("photonos")},
		{"/etc/alpaquita-release", rename("alpaquita")},
	}
}

// f5 reads /VERSION: `Version: x.y.z` and `Product: BIG-IP`.
func f5(files host.Files, info *Info) {
	data, _ := files.ReadFile("/VERSION")
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch key {
		case "Version":
			info.Version = value
		case "Product":
			info.FullName = value
			info.ID = strings.ReplaceAll(strings.ToLower(value), "-", "")
		}
	}
}

// gaia reads the release from /etc/cloud-version, whose first word with a digit it is.
func gaia(files host.Files, info *Info) {
	info.ID, info.FullName = "gaia", "gaia"
	data, _ := files.ReadFile("/etc/cloud-version")
	for _, word := range strings.Fields(string(data)) {
		if strings.ContainsAny(word, "0123456789") {
			info.Version = word
			return
		}
	}
}

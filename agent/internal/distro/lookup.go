package distro

import (
	"slices"
	"strings"
)

// Lookup returns the row of a distribution. One that the table does not name gets the defaults, Known being false.
func Lookup(info Info) Family {
	name := rowName(info)
	if name == "" {
		return base()
	}
	f := build(name, rows())
	f.Known = true
	return f
}

// build applies a row on top of its parents.
func build(name string, table []row) Family {
	i := slices.IndexFunc(table, func(r row) bool { return r.name == name })
	f := base()
	if parent := table[i].parent; parent != "" {
		f = build(parent, table)
	}
	table[i].set(&f)
	f.Name = name
	return f
}

// rowName is the original's selection, first match first; "" is a stranger.
func rowName(info Info) string {
	switch id := info.ID; {
	case id == "photonos", id == "arch", id == "chainguard", id == "fedora", id == "freebsd", id == "openbsd", id == "netbsd",
		id == "nsbsd", id == "azurecontainerlinux",
		id == "bigip", id == "gaia", id == "iosxe", id == "openwrt", id == "gentoo":
		return id
	case strings.Contains(info.FullName, "Clear Linux"):
		return "clearlinux"
	case id == "ubuntu":
		return ubuntuRow(info)
	case id == "alpine", id == "alpaquita":
		return "alpine"
	case id == "flatcar", id == "coreos", info.CodeName == "flatcar", info.CodeName == "coreos":
		return "flatcar"
	case oneOf(id, "suse", "sle-micro", "sle_hpc", "sles", "opensuse", "opensuse-tumbleweed"):
		return suseRow(info)
	case id == "debian", id == "kali":
		return "debian"
	case id == "devuan" && compareVersions(info.Version, "4") >= 0:
		return "devuan"
	case oneOf(id, "redhat", "rhel", "centos", "oracle", "almalinux", "cloudlinux", "rocky"):
		return redHatRow(info)
	case id == "euleros", id == "uos":
		return "rhel7"
	case id == "amzn":
		return amazonRow(info)
	case id == "mariner", id == "azurelinux":
		return "azurelinux"
	}
	return ""
}

func oneOf(id string, ids ...string) bool { return slices.Contains(ids, id) }

func ubuntuRow(info Info) string {
	switch v := info.Version; {
	case oneOf(v, "12.04", "12.10"):
		return "ubuntu12"
	case oneOf(v, "14.04", "14.10"):
		return "ubuntu14"
	case oneOf(v, "16.04", "16.10", "17.04"):
		return "ubuntu16"
	case oneOf(v, "18.04", "18.10", "19.04", "19.10", "20.04", "20.10", "21.04", "21.10", "22.04", "22.10", "23.04", "23.10", "24.04"):
		return "ubuntu18"
	case info.FullName == "Snappy Ubuntu Core":
		return "snappy"
	}
	return "ubuntu"
}

func suseRow(info Info) string {
	old := info.FullName == "SUSE Linux Enterprise Server" && compareVersions(info.Version, "12") < 0 ||
		info.FullName == "openSUSE" && compareVersions(info.Version, "13.2") < 0
	if old {
		return "suse11"
	}
	return "suse"
}

// amazonRow tells 2018.03 and older, which had no systemd, from 2 and from 2023.
func amazonRow(info Info) string {
	switch v := info.Version; {
	case compareVersions(v, "3") < 0:
		return "rhel7"
	case compareVersions(v, "2023") < 0:
		return "rhel6"
	}
	return "amazon"
}

func redHatRow(info Info) string {
	switch v := info.Version; {
	case compareVersions(v, "7") < 0:
		return "rhel6"
	case compareVersions(v, "8.6") < 0:
		return "rhel7"
	}
	return "rhel"
}

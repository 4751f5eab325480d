package distro

// row is one line of the table: a name, the row it starts from, and what differs. Rows stand after their parents.
type row struct {
	name, parent string
	set          func(*Family)
}

const dhclientLeases = "/var/lib/dhcp/dhclient.*.leases"

func service(words ...string) []string { return append([]string{"systemctl"}, words...) }

// systemd fills the commands of a service under systemd.
func systemd(f *Family, unit string) {
	f.Stop, f.Start = service("stop", unit), service("start", unit)
	f.Register, f.Unregister = service("enable", unit), service("disable", unit)
}

func rows() []row {
	return append(append(debianRows(), redHatRows()...), otherRows()...)
}

func base() Family {
	return Family{
		Name: "default", Service: "waagent", UnitDir: "/lib/systemd/system", BinDir: "/usr/sbin", ConfFile: "/etc/waagent.conf",
		SSHReload: service("try-restart", "sshd"),
		DHCPPid:   []string{"pidof", "dhclient"},
		Hostname:  HostnameFile, NICRestart: NICIfupdown, AddUser: AddUserUseradd,
	}
}

func debianRows() []row {
	reload := service("--job-mode=ignore-dependencies", "try-restart", "ssh")
	return []row{
		{"debian", "", func(f *Family) {
			f.Service, f.RemoteAccess, f.SSHReload = "walinuxagent", true, reload
			systemd(f, "walinuxagent")
			f.Leases, f.KeepsPersistentRules = []string{dhclientLeases}, true
			f.Shell = "/bin/bash" // as Debian patches the original
		}},
		{"devuan", "debian", func(f *Family) {
			f.Service, f.Shell, f.Register, f.Unregister = "waagent", "", nil, nil
			f.SSHReload = []string{"/usr/sbin/service", "ssh", "reload"} // the original swaps two words here and fails
			f.Stop, f.Start = []string{"/usr/sbin/service", "walinuxagent", "stop"}, []string{"/usr/sbin/service", "walinuxagent", "start"}
		}},
		{"ubuntu14", "", func(f *Family) {
			f.Service, f.RemoteAccess, f.SSHReload = "walinuxagent", true, []string{"service", "ssh", "reload"}
			f.Stop, f.Start = []string{"service", "walinuxagent", "stop"}, []string{"service", "walinuxagent", "start"}
			f.Leases, f.KeepsPersistentRules, f.ResolvconfTail = []string{dhclientLeases}, true, true
		}},
		{"ubuntu12", "ubuntu14", func(f *Family) { f.DHCPPid = []string{"pidof", "dhclient3"} }},
		{"snappy", "ubuntu14", func(*Family) {}},
		{"ubuntu16", "ubuntu14", func(f *Family) {
			f.SSHReload = reload
			f.Register, f.Unregister = service("unmask", "walinuxagent"), service("mask", "walinuxagent")
		}},
		{"ubuntu18", "ubuntu16", func(f *Family) {
			f.Stop, f.Start = service("stop", "walinuxagent"), service("start", "walinuxagent")
			f.DHCPPid, f.Leases = []string{"pidof", "systemd-networkd"}, []string{"/run/systemd/netif/leases/*"}
			f.NICRestart = NICNetworkd
			f.KeepsResolvConf, f.ResolvconfTail = true, false
		}},
		{"ubuntu", "ubuntu16", func(f *Family) {
			f.NICRestart = NICLink
			f.KeepsResolvConf, f.ResolvconfTail = true, false
		}},
		{"chainguard", "ubuntu18", func(f *Family) {
			f.Service, f.UnitDir, f.BinDir = "waagent", "/usr/lib/systemd/system", "/usr/bin"
			systemd(f, "waagent")
			f.Register, f.Unregister, f.KeepsPersistentRules, f.KeepsResolvConf = nil, nil, false, false
			f.SSHReload = service("try-restart", "sshd")
		}},
	}
}

func redHatRows() []row {
	return []row{
		{"rhel6", "", func(f *Family) {
			f.SSHReload, f.RemoteAccess = []string{"/sbin/service", "sshd", "condrestart"}, true
			f.Stop, f.Start = []string{"/sbin/service", "waagent", "stop"}, []string{"/sbin/service", "waagent", "start"}
			f.Register, f.Unregister = []string{"chkconfig", "--add", "waagent"}, []string{"chkconfig", "--del", "waagent"}
			f.Leases = []string{"/var/lib/dhclient/dhclient-*.leases"}
			f.Hostname = HostnameSysconfig
		}},
		{"rhel7", "rhel6", func(f *Family) {
			f.UnitDir, f.Hostname = "/usr/lib/systemd/system", HostnameStaticCtl
			f.Register, f.Unregister = service("enable", "waagent"), service("disable", "waagent")
			f.Leases = []string{"/var/lib/dhclient/dhclient-*.lease", "/var/lib/NetworkManager/dhclient-*.lease"}
		}},
		{"rhel", "rhel7", func(f *Family) {
			f.SSHReload = service("condrestart", "sshd")
			systemd(f, "waagent")
			f.NICRestart = NICNetworkManager
		}},
		// Amazon Linux 2023; its predecessors are rhel7 and rhel6.
		{"amazon", "rhel", func(f *Family) {
			f.Leases = []string{"/run/systemd/netif/leases/*"}
			networkd(f)
		}},
		{"fedora", "", func(f *Family) {
			f.UnitDir, f.OwnSSHDConfig = "/usr/lib/systemd/system", true
			f.SSHReload = service("restart", "sshd")
			systemd(f, "waagent")
			f.Register, f.Unregister = nil, nil
			f.NICRestart = NICNetworkManager
		}},
		{"azurelinux", "", func(f *Family) {
			f.UnitDir, f.BinDir, f.RemoteAccess, f.OwnSSHDConfig = "/usr/lib/systemd/system", "/usr/bin", true, true
			f.SSHReload = service("restart", "sshd")
			systemd(f, "waagent")
			networkd(f)
		}},
		{"photonos", "azurelinux", func(f *Family) {
			f.RemoteAccess, f.Register, f.Unregister = false, nil, nil
		}},
		{"suse11", "", func(f *Family) {
			f.SSHReload, f.RemoteAccess = []string{"/sbin/service", "sshd", "restart"}, true
			f.Stop, f.Start = []string{"/sbin/service", "waagent", "stop"}, []string{"/sbin/service", "waagent", "start"}
			f.Register, f.Unregister = []string{"/sbin/insserv", "waagent"}, []string{"/sbin/insserv", "-r", "waagent"}
			f.DHCPPid = []string{"pidof", "dhcpcd"}
			f.Hostname = HostnameHOSTNAME
		}},
		{"suse", "suse11", func(f *Family) {
			f.UnitDir = "/usr/lib/systemd/system"
			f.SSHReload = service("restart", "sshd.service")
			systemd(f, "waagent.service")
			f.DHCPPid = []string{"pidof", "wickedd-dhcp4"}
			f.Hostname, f.NICRestart = HostnameCtl, NICIfup
		}},
	}
}

// networkd is what Azure Linux, Photon, Flatcar, Arch and Clear Linux share.
func networkd(f *Family) {
	f.DHCPPid = []string{"pidof", "systemd-networkd"}
	f.NICRestart = NICNetworkd
}

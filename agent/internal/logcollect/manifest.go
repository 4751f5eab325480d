package logcollect

// entry is a line of what is collected: list a folder into results.txt, or copy the files that match.
type entry struct {
	list bool
	path string // may be a pattern unless list is set
}

// manifest is what support asks for; full is the longer list. Paths are the guest's.
func (c *Collector) manifest(full bool) []entry {
	lib, logs := c.LibDir, c.ExtensionLogDir
	lists := []string{"/var/log", lib}
	files := []string{
		"/etc/*-release", "/etc/HOSTNAME", "/etc/hostname", c.ConfFile,
		AgentLog + "*", "/var/log/dmesg*", "/var/log/syslog*", "/var/log/auth*",
		logs + "/*/*", logs + "/*/*/*", logs + "/custom-script/handler.log",
		lib + "/ovf-env.xml", lib + "/waagent_status.json", lib + "/*/status/*.status", lib + "/*/config/*.settings",
		lib + "/*/config/HandlerState", lib + "/*/config/HandlerStatus", lib + "/error.json", lib + "/history/*.zip",
	}
	if full {
		lists = append(lists, "/etc/udev/rules.d")
		files = append(files, fullFiles(lib, logs)...)
	}
	entries := make([]entry, 0, len(lists)+len(files))
	for _, path := range lists {
		entries = append(entries, entry{list: true, path: path})
	}
	for _, path := range files {
		entries = append(entries, entry{path: path})
	}
	return entries
}

func fullFiles(lib, logs string) []string {
	return []string{
		lib + "/provisioned", "/etc/fstab", "/etc/ssh/sshd_config", "/boot/grub*/grub.c*", "/boot/grub*/menu.lst",
		"/etc/network/interfaces", "/etc/network/interfaces.d/*.cfg", "/etc/netplan/50-cloud-init.yaml",
		"/etc/nsswitch.conf", "/etc/resolv.conf", "/run/systemd/resolve/stub-resolv.conf",
		"/run/resolvconf/resolv.conf", "/etc/sysconfig/iptables", "/etc/sysconfig/network",
		"/etc/sysconfig/network/ifcfg-eth*", "/etc/sysconfig/network/routes",
		"/etc/sysconfig/network-scripts/ifcfg-eth*", "/etc/sysconfig/network-scripts/route-eth*",
		"/etc/sysconfig/SuSEfirewall2", "/etc/ufw/ufw.conf", "/var/lib/dhcp/dhclient.eth0.leases",
		"/var/lib/dhclient/dhclient-eth0.leases", "/var/lib/wicked/lease-eth0-dhcp-ipv4.xml",
		"/run/systemd/netif/leases/2", "/var/log/rsyslog*", "/var/log/messages*", "/var/log/kern*",
		"/var/log/dpkg*", "/var/log/yum*", "/var/log/cloud-init*", "/var/log/boot*", "/var/log/secure*",
		logs + "/run-command/handler.log", "/var/log/azure-proxy-agent/*",
		lib + "/SharedConfig.xml", lib + "/ManagedIdentity-*.json", lib + "/*/error.json",
	}
}

// first are the patterns that go in before everything else, in this order, should the archive reach its size.
func (c *Collector) first() []string {
	return []string{
		AgentLog, c.LibDir + "/waagent_status.json", c.LibDir + "/history/*.zip",
		c.ExtensionLogDir + "/*/*", c.ExtensionLogDir + "/*/*/*", AgentLog + ".*",
	}
}

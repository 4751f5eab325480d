package distro

func otherRows() []row {
	return append([]row{
		{"flatcar", "", func(f *Family) {
			f.BinDir, f.ConfFile, f.RemoteAccess, f.OwnSSHDConfig = "/usr/share/oem/bin", "/usr/share/oem/waagent.conf", true, true
			f.SSHReload = nil // socket activated: each connection reads the configuration
			systemd(f, "waagent")
			f.Register, f.Unregister = nil, nil
			networkd(f)
			f.DHCPPid, f.RemoveMachineID = service("show", "-p", "MainPID", "--value", "systemd-networkd"), true
		}},
		// Made like Flatcar, called Azure Linux: a read-only /usr, the agent in an extension of it.
		{"azurecontainerlinux", "flatcar", func(f *Family) {
			f.BinDir, f.ConfFile, f.UnitDir = "/usr/bin", "/etc/waagent.conf", "/usr/lib/systemd/system"
			f.DHCPPid = []string{"pidof", "systemd-networkd"}
		}},
		{"arch", "", func(f *Family) {
			f.UnitDir, f.BinDir, f.RemoteAccess, f.OwnSSHDConfig = "/usr/lib/systemd/system", "/usr/bin", true, true
			systemd(f, "waagent")
			f.Register, f.Unregister = nil, nil
			networkd(f)
			f.RemoveMachineID = true
		}},
		{"clearlinux", "arch", func(f *Family) {
			f.ConfFile, f.RemoveMachineID = "/usr/share/defaults/waagent/waagent.conf", false
		}},
		{"alpine", "", func(f *Family) {
			f.RemoteAccess, f.OwnSSHDConfig, f.UnitDir = true, true, ""
			f.SSHReload = []string{"rc-service", "sshd", "reload"}
			f.DHCPPid, f.NICRestart = []string{"pidof", "dhcpcd"}, NICDhcpcd
			openRC(f)
		}},
		{"gentoo", "", func(f *Family) {
			f.Hostname, f.DHCPPid, f.NICRestart = HostnameConfD, []string{"pidof", "dhcpcd"}, NICDhcpcd
			f.SSHReload = []string{"rc-service", "sshd", "reload"}
			openRC(f)
		}},
		{"openwrt", "", func(f *Family) {
			f.UnitDir, f.RemoteAccess, f.KeepsPersistentRules = "", true, true
			f.SSHReload = []string{"/etc/init.d/sshd", "restart"}
			f.Stop, f.Start = []string{"/etc/init.d/waagent", "stop"}, []string{"/etc/init.d/waagent", "start"}
			f.Register, f.Unregister = []string{"/etc/init.d/waagent", "enable"}, []string{"/etc/init.d/waagent", "disable"}
			f.DHCPPid, f.Hostname, f.Shell = []string{"pidof", "udhcpc"}, HostnameUCI, "/bin/ash"
		}},
		{"freebsd", "", func(f *Family) {
			f.UnitDir, f.BinDir, f.ConfFile, f.RemoteAccess = "", "/usr/local/sbin", "/usr/local/etc/waagent.conf", true
			f.SSHReload, f.DHCPPid = []string{"service", "sshd", "restart"}, []string{"pgrep", "-n", "dhclient"}
			f.Hostname, f.NICRestart, f.AddUser = HostnameRCConf, NICFreeBSD, AddUserPw
			f.RootLocked = "pw"
			// The original has none of these, so that there register-service changes nothing.
			f.Stop, f.Start = []string{"service", "waagent", "stop"}, []string{"service", "waagent", "start"}
			f.Register, f.Unregister = []string{"sysrc", "waagent_enable=YES"}, []string{"sysrc", "-x", "waagent_enable"}
		}},
		{"openbsd", "", func(f *Family) {
			f.UnitDir, f.BinDir, f.RemoteAccess, f.NoSudo = "", "/usr/local/sbin", true, true
			f.SSHReload, f.DHCPPid = []string{"rcctl", "restart", "sshd"}, []string{"pgrep", "-n", "dhclient"}
			f.Stop, f.Start = []string{"rcctl", "stop", "waagent"}, []string{"rcctl", "start", "waagent"}
			f.Register, f.Unregister = []string{"rcctl", "enable", "waagent"}, []string{"rcctl", "disable", "waagent"}
			f.Leases, f.Hostname, f.NICRestart = []string{"/var/db/dhclient.leases.*"}, HostnameMyname, NICOpenBSD
			f.RootLocked = "usermod"
		}},
		{"netbsd", "", func(f *Family) {
			f.UnitDir, f.BinDir, f.ConfFile = "", "/usr/pkg/sbin", "/usr/pkg/etc/waagent.conf"
			f.SSHReload, f.DHCPPid = []string{"service", "sshd", "reload"}, []string{"pgrep", "dhcpcd"}
			f.Stop, f.Start = []string{"service", "waagent", "stop"}, []string{"service", "waagent", "start"}
			f.Hostname, f.NICRestart = HostnameRCConf, NICDhcpcd
			f.RootLocked = "usermod"
		}},
	}, appliances()...)
}

// openRC fills the commands of a service under OpenRC.
func openRC(f *Family) {
	f.Stop, f.Start = []string{"rc-service", "waagent", "stop"}, []string{"rc-service", "waagent", "start"}
	f.Register, f.Unregister = []string{"rc-update", "add", "waagent", "default"}, []string{"rc-update", "del", "waagent", "default"}
}

// appliances manage their accounts and their network themselves.
func appliances() []row {
	return []row{
		{"nsbsd", "freebsd", func(f *Family) {
			f.SSHReload, f.AddUser, f.NoSudo = []string{"/usr/Firewall/sbin/enservice"}, AddUserFixed, true
			f.Hostname, f.NICRestart = HostnameStormshield, NICNone
			f.DHCPPid = []string{"cat", "/var/run/dhclient.pid"}
			f.Stop, f.Start, f.Register, f.Unregister = nil, nil, nil, nil
		}},
		{"bigip", "", func(f *Family) {
			f.SSHReload = []string{"/usr/bin/bigstart", "restart", "sshd"}
			f.Stop, f.Start = []string{"/sbin/service", "waagent", "stop"}, []string{"/sbin/service", "waagent", "start"}
			f.Register, f.Unregister = []string{"/sbin/chkconfig", "--add", "waagent"}, []string{"/sbin/chkconfig", "--del", "waagent"}
			f.AddUser, f.Hostname, f.NICRestart = AddUserTmsh, HostnameUnmanaged, NICNone
		}},
		{"gaia", "", func(f *Family) {
			f.SSHReload, f.KeepsPersistentRules = []string{"/sbin/service", "sshd", "condrestart"}, true
			f.AddUser, f.NoSudo, f.Hostname, f.NICRestart = AddUserFixed, true, HostnameUnmanaged, NICNone
		}},
		{"iosxe", "", func(f *Family) {
			f.UnitDir, f.SSHReload, f.Hostname = "/usr/lib/systemd/system", nil, HostnameStaticCtl
			f.Register, f.Unregister = service("enable", "waagent"), service("disable", "waagent")
			f.NICRestart = NICNetworkManager
		}},
	}
}

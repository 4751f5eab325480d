package distro

// Family is one row of the table of differences. Commands are argument lists; nil means there is nothing to do.
type Family struct {
	Name string // of the row, for logs: "ubuntu18"
	// Known is false for a distribution the table does not name: it gets the row "default", and a warning.
	Known bool

	Service  string // the agent's service, without ".service"
	UnitDir  string // where the distribution keeps units, "" without systemd
	BinDir   string
	ConfFile string

	// SSHReload makes sshd read its configuration again. The original leaves it nil on Ubuntu, so that a changed
	// sshd_config took effect at the next boot; here every row with an sshd of its own has it. systemd is asked for a
	// restart, which ends once sshd listens: a reload ends before that, and who logged in at Ready was refused.
	SSHReload []string
	// OwnSSHDConfig is true where the distribution manages sshd_config itself and the agent leaves it alone.
	OwnSSHDConfig bool

	Stop, Start, Register, Unregister []string // of the agent's service
	RemoteAccess                      bool     // accounts of just-in-time access are honoured

	DHCPPid              []string // prints the DHCP client's pids
	Leases               []string // globs of lease files that may hold option 245
	KeepsPersistentRules bool     // persistent net rules stay where they are

	Hostname   HostnameStyle
	NICRestart NICRestartStyle

	AddUser    AddUserStyle
	Shell      string // login shell of a new account; "" leaves it to useradd
	NoSudo     bool   // doas or a shell of its own instead
	RootLocked string // a command line word that locks root: "" edits the shadow file

	KeepsResolvConf bool // deprovision leaves /etc/resolv.conf alone
	ResolvconfTail  bool // deprovision empties resolvconf's own files instead, where it is in use
	RemoveMachineID bool // deprovision removes /etc/machine-id
}

// HostnameStyle is how a host name is made to last.
type HostnameStyle string

// The styles of host names.
const (
	HostnameFile        HostnameStyle = "file"        // /etc/hostname, no newline
	HostnameHOSTNAME    HostnameStyle = "HOSTNAME"    // /etc/HOSTNAME
	HostnameSysconfig   HostnameStyle = "sysconfig"   // HOSTNAME= in /etc/sysconfig/network
	HostnameStaticCtl   HostnameStyle = "static-ctl"  // hostnamectl --static, else the file
	HostnameCtl         HostnameStyle = "ctl"         // hostnamectl
	HostnameRCConf      HostnameStyle = "rc.conf"     // hostname="" in /etc/rc.conf
	HostnameMyname      HostnameStyle = "myname"      // /etc/myname
	HostnameUCI         HostnameStyle = "uci"         // OpenWRT
	HostnameConfD       HostnameStyle = "conf.d"      // Gentoo's /etc/conf.d/hostname
	HostnameUnmanaged   HostnameStyle = "unmanaged"   // appliances
	HostnameStormshield HostnameStyle = "stormshield" // setconf
)

// NICRestartStyle is how a lease with the new name is asked for.
type NICRestartStyle string

// The styles of asking for a new lease.
const (
	NICIfupdown       NICRestartStyle = "ifupdown" // ifdown && ifup
	NICNetworkd       NICRestartStyle = "networkd" // restart systemd-networkd
	NICLink           NICRestartStyle = "link"     // ip link set down, up
	NICIfup           NICRestartStyle = "ifup"     // SUSE
	NICDhcpcd         NICRestartStyle = "dhcpcd"   // SIGHUP
	NICNetworkManager NICRestartStyle = "NetworkManager"
	NICFreeBSD        NICRestartStyle = "freebsd"
	NICOpenBSD        NICRestartStyle = "openbsd"
	NICNone           NICRestartStyle = "none"
)

// AddUserStyle is how an account is made.
type AddUserStyle string

// The styles of making accounts.
const (
	AddUserUseradd AddUserStyle = "useradd"
	AddUserPw      AddUserStyle = "pw"    // FreeBSD
	AddUserTmsh    AddUserStyle = "tmsh"  // BIG-IP
	AddUserFixed   AddUserStyle = "fixed" // appliances with an account of their own
)

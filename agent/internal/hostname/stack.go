package hostname

import (
	"fmt"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/distro"
)

// stack is what looks after an interface's address.
type stack string

const (
	nobody         stack = "nobody"
	networkd       stack = "systemd-networkd"
	networkManager stack = "NetworkManager"
	wicked         stack = "wicked"
	dhcpcd         stack = "dhcpcd"
	dhclient       stack = "dhclient" // with ifupdown, network-scripts or alone
	udhcpc         stack = "udhcpc"
	freebsd        stack = "dhclient of FreeBSD"
	openbsd        stack = "dhclient of OpenBSD"
)

// inCharge asks the machine, not its name: each stack leaves traces of what it manages while it runs.
func (p *Publisher) inCharge(iface string) stack {
	switch p.Family.NICRestart {
	case distro.NICFreeBSD:
		return freebsd
	case distro.NICOpenBSD:
		return openbsd
	}
	index := strings.TrimSpace(p.text("/sys/class/net/" + iface + "/ifindex"))
	link := p.text("/run/systemd/netif/links/" + index)
	device := p.text("/run/NetworkManager/devices/" + index)
	switch {
	case index != "" && strings.Contains(link, "\nNETWORK_FILE=/") && !strings.Contains(link, "ADMIN_STATE=unmanaged"):
		return networkd
	case index != "" && strings.Contains(device, "\nmanaged=true"):
		return networkManager
	case p.Files.Exists("/run/wicked/leaseinfo." + iface + ".dhcp.ipv4"):
		return wicked
	case p.alive("/run/dhcpcd/"+iface+".pid", "/run/dhcpcd-"+iface+".pid", "/run/dhcpcd/"+iface+"-4.pid", "/run/dhcpcd/pid", "/run/dhcpcd.pid"):
		return dhcpcd
	case p.alive("/run/dhclient."+iface+".pid", "/run/dhclient-"+iface+".pid", "/run/dhclient.pid", "/var/run/dhclient.pid",
		"/run/network/dhclient-"+iface+".pid"):
		return dhclient
	case p.alive("/run/udhcpc."+iface+".pid", "/var/run/udhcpc-"+iface+".pid", "/var/run/udhcpc."+iface+".pid"):
		return udhcpc
	}
	return nobody
}

// alive reports whether one of the pid files names a process that is there.
func (p *Publisher) alive(pidFiles ...string) bool {
	for _, name := range pidFiles {
		var pid int
		if _, err := fmt.Sscan(p.text(name), &pid); err == nil && p.Files.Exists(fmt.Sprintf("/proc/%d", pid)) {
			return true
		}
	}
	return false
}

func (p *Publisher) text(name string) string {
	text, err := p.Files.ReadFile(name)
	if err != nil {
		return ""
	}
	return string(text)
}

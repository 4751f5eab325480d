package hostname

import (
	"errors"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

var dhclientConfs = []string{"/etc/dhcp/dhclient.conf", "/etc/dhcp3/dhclient.conf", "/etc/dhclient.conf"}

// sendsOwnName are the two ways in which dhclient.conf says "whatever the machine is called".
var sendsOwnName = regexp.MustCompile(`(?m)^\s*send\s+host-name\b.*(<hostname>|gethostname\()`)

// configure sees to it that the DHCP client sends name whenever it asks again. It reports whether a file says
// something else now: then the running client does not know.
func (p *Publisher) configure(iface, name string, s stack) (changed bool, err error) {
	if s == freebsd || s == openbsd || s == dhclient || s == nobody {
		if changed, err = p.dhclientConf(name); err != nil {
			return changed, err
		}
	}
	ifcfg := "/etc/sysconfig/network-scripts/ifcfg-" + iface
	c, err := p.edit(ifcfg, func(old string) string { return setLine(old, "DHCP_HOSTNAME=", "DHCP_HOSTNAME="+name) })
	if err != nil {
		return changed, err
	}
	changed = changed || c
	c, err = p.edit("/etc/sysconfig/network/dhcp", func(old string) string { return suseHostname(old, name) })
	return changed || c, err
}

// dhclientConf sets the name in each dhclient.conf there is, unless one sends the machine's own name anyway.
func (p *Publisher) dhclientConf(name string) (changed bool, err error) {
	for _, conf := range dhclientConfs {
		if sendsOwnName.MatchString(p.text(conf)) {
			return changed, nil
		}
		line := "send host-name " + strconv.Quote(name) + ";"
		c, err := p.edit(conf, func(old string) string { return setLine(old, "send host-name", line) })
		if err != nil {
			return changed, err
		}
		changed = changed || c
	}
	return changed, nil
}

// edit changes a file that is there.
func (p *Publisher) edit(name string, change func(old string) string) (bool, error) {
	old, err := p.Files.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	text := change(string(old))
	if text == string(old) {
		return false, nil
	}
	return true, p.Files.Rewrite(name, []byte(text), 0o644)
}

// setLine puts line in place of the first one that starts with key, drops others like it, and appends it where there
// is none. Everything else stays, empty lines too.
func setLine(old, key, line string) string {
	var b strings.Builder
	done := false
	for l := range strings.Lines(old) {
		switch {
		case !strings.HasPrefix(l, key):
			b.WriteString(l)
		case !done:
			b.WriteString(line + "\n")
			done = true
		}
	}
	if !done {
		if old != "" && !strings.HasSuffix(old, "\n") {
			b.WriteString("\n")
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// suseHostname leaves AUTO, which sends the machine's own name, as it is.
func suseHostname(old, name string) string {
	const key = "DHCLIENT_HOSTNAME_OPTION="
	for l := range strings.Lines(old) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(l), key); ok && strings.Trim(value, `"'`) == "AUTO" {
			return old
		}
	}
	return setLine(old, key, key+strconv.Quote(name))
}

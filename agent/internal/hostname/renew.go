package hostname

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/machine"
)

// renew makes the DHCP client, or this agent in its place, tell the server the name. What keeps the link up comes
// first; a link that was lost on the way is brought back.
func (p *Publisher) renew(ctx context.Context, s stack, iface, name string, changed bool) error {
	switch s {
	case networkd: // keeps its leases over a restart, and asks again with the new name
		return p.orAnnounce(ctx, iface, name, "systemctl", "restart", "systemd-networkd")
	case networkManager: // asks again without touching the link
		return p.orAnnounce(ctx, iface, name, "nmcli", "device", "modify", iface, "ipv4.dhcp-hostname", name)
	case wicked:
		return p.orAnnounce(ctx, iface, name, "ifup", iface)
	case dhcpcd: // reads its configuration, asks again and keeps the link
		if err := p.orAnnounce(ctx, iface, name, "dhcpcd", "-n", iface); err != nil || p.dhcpcdSendsName() {
			return err
		}
	case freebsd:
		return p.run(ctx, "/etc/rc.d/dhclient", "restart", iface)
	case openbsd:
		return p.run(ctx, "/sbin/dhclient", iface)
	}
	err := p.Announce(ctx, iface, name)
	if err == nil && !changed {
		return nil
	}
	if s == dhclient && p.Machine.Has("ifdown") && p.Machine.Has("ifup") {
		return p.bounce(ctx, iface) // dhclient reads its configuration only when it starts
	}
	return err
}

// dhcpcdSendsName looks for the option without which dhcpcd keeps the machine's name to itself.
func (p *Publisher) dhcpcdSendsName() bool {
	for line := range strings.Lines(p.text("/etc/dhcpcd.conf")) {
		if f := strings.Fields(line); len(f) > 0 && f[0] == "hostname" {
			return true
		}
	}
	return false
}

// orAnnounce runs a command of the stack's, and speaks to the server itself when that does not work.
func (p *Publisher) orAnnounce(ctx context.Context, iface, name string, argv ...string) error {
	err := p.run(ctx, argv...)
	if err == nil {
		return p.recover(ctx, iface)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.Log.Info("The host name is announced by the agent itself", "interface", iface, "because", err.Error())
	if own := p.Announce(ctx, iface, name); own != nil {
		return errors.Join(err, own)
	}
	return nil
}

const (
	bounceTries  = 3
	bouncePause  = 5 * time.Second
	addressLimit = 20 * time.Second
	addressPause = 200 * time.Millisecond
)

// bounce takes the interface down and up again.
func (p *Publisher) bounce(ctx context.Context, iface string) error {
	var err error
	for try := range bounceTries {
		if try > 0 && fabric.Sleep(ctx, bouncePause) != nil {
			return ctx.Err()
		}
		err = p.run(ctx, "ifdown", iface)
		if up := p.run(ctx, "ifup", iface); up != nil {
			err = errors.Join(err, up)
		}
		if err == nil {
			return p.recover(ctx, iface)
		}
	}
	return errors.Join(err, p.recover(ctx, iface))
}

// recover waits until the interface has its address again, and helps it once.
func (p *Publisher) recover(ctx context.Context, iface string) error {
	if p.awaitAddress(ctx, iface) {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.Log.Warn("The network did not come back after the host name was published, bringing it up", "interface", iface)
	switch {
	case p.Machine.Has("ifup"):
		_ = p.run(ctx, "ifup", "--force", iface) // what counts is the address afterwards
	case p.Machine.Has("nmcli"):
		_ = p.run(ctx, "nmcli", "device", "connect", iface)
	case p.Machine.Has("networkctl"):
		_ = p.run(ctx, "networkctl", "reconfigure", iface)
	}
	if p.Machine.Has("ip") {
		_ = p.run(ctx, "ip", "link", "set", iface, "up")
	}
	if p.awaitAddress(ctx, iface) {
		return nil
	}
	return fmt.Errorf("%s has lost its address", iface)
}

func (p *Publisher) awaitAddress(ctx context.Context, iface string) bool {
	limited, cancel := context.WithTimeout(ctx, addressLimit)
	defer cancel()
	for !p.HasAddress(iface) {
		if fabric.Sleep(limited, addressPause) != nil {
			return false
		}
	}
	return true
}

func (p *Publisher) run(ctx context.Context, argv ...string) error {
	_, err := p.Machine.Run(ctx, machine.Command{Argv: argv, Timeout: time.Minute})
	return err
}

package main

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
)

// addAddresses adds addresses (ip/bits) to an interface, "" for the first that is not loopback, and takes it up. An
// address that is there already is fine.
func addAddresses(network string, addresses []string) error {
	if len(addresses) == 0 {
		return nil
	}
	link, err := findLink(network)
	if err != nil {
		return err
	}
	for _, text := range addresses {
		addr, err := netlink.ParseAddr(text)
		if err != nil {
			return fmt.Errorf("address %s: %w", text, err)
		}
		if err := netlink.AddrReplace(link, addr); err != nil {
			return fmt.Errorf("add %s to %s: %w", text, link.Attrs().Name, err)
		}
	}
	return netlink.LinkSetUp(link)
}

func findLink(name string) (netlink.Link, error) {
	if name != "" {
		return netlink.LinkByName(name)
	}
	links, err := netlink.LinkList()
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		if l.Attrs().Flags&net.FlagLoopback == 0 && (l.Type() == "veth" || l.Type() == "device" || l.Type() == "dummy") {
			return l, nil
		}
	}
	return nil, errors.New("there is no interface but loopback; name one with -interface")
}

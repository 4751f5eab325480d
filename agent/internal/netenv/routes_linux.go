package netenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// KernelRouter routes by rtnetlink. Interface is where routes go that have no gateway.
type KernelRouter struct{ Interface string }

// Has asks the main table.
func (k KernelRouter) Has(_ context.Context, to netip.Prefix) (bool, error) {
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return false, fmt.Errorf("list routes: %w", err)
	}
	for _, r := range routes {
		if prefixOf(r.Dst) == to.Masked() {
			return true, nil
		}
	}
	return false, nil
}

// prefixOf is everywhere for nil, as older kernels and libraries write the default route.
func prefixOf(n *net.IPNet) netip.Prefix {
	if n == nil {
		return everywhere
	}
	addr, _ := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(addr.Unmap(), bits).Masked()
}

// Add adds a route; the kernel finds the interface by the gateway.
func (k KernelRouter) Add(_ context.Context, r Route) error {
	route := &netlink.Route{
		Dst: &net.IPNet{IP: r.To.Addr().AsSlice(), Mask: net.CIDRMask(r.To.Bits(), 32)},
	}
	if r.Via.IsValid() && !r.Via.IsUnspecified() {
		route.Gw = r.Via.AsSlice()
	} else {
		link, err := netlink.LinkByName(k.Interface)
		if err != nil {
			return fmt.Errorf("interface %s: %w", k.Interface, err)
		}
		route.LinkIndex, route.Scope = link.Attrs().Index, netlink.SCOPE_LINK
	}
	if err := netlink.RouteAdd(route); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return nil
}

// Watch calls changed for each change of a link, an address or a route, as one line of text, until ctx is done.
func Watch(ctx context.Context, changed func(what string)) error {
	done := make(chan struct{})
	defer context.AfterFunc(ctx, func() { close(done) })()
	links, addrs := make(chan netlink.LinkUpdate, 16), make(chan netlink.AddrUpdate, 16)
	if err := netlink.LinkSubscribe(links, done); err != nil {
		return fmt.Errorf("watch links: %w", err)
	}
	if err := netlink.AddrSubscribe(addrs, done); err != nil {
		return fmt.Errorf("watch addresses: %w", err)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case l, ok := <-links:
			if !ok {
				return errors.New("watch links: the kernel ended it")
			}
			changed(fmt.Sprintf("link %s is %s", l.Attrs().Name, l.Attrs().OperState))
		case a, ok := <-addrs:
			if !ok {
				return errors.New("watch addresses: the kernel ended it")
			}
			verb := "lost"
			if a.NewAddr {
				verb = "got"
			}
			changed(fmt.Sprintf("link %d %s address %s", a.LinkIndex, verb, a.LinkAddress.String()))
		}
	}
}

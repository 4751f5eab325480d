// Package netenv looks after the network around the agent: routes that the platform's DHCP server asked for and that
// got lost, DHCP clients that were restarted, and udev's rules that tie an interface's name to a card of another host.
// It never takes a route or an address away.
package netenv

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"github.com/waagent-go/waagent/agent/machine"
)

// Route is a route that DHCP asked for. A Via of 0.0.0.0 means that the network is on the link.
type Route struct {
	To  netip.Prefix
	Via netip.Addr
}

// Offer is what DHCP says about routes: options 3, 121 and 249.
type Offer struct {
	Gateway netip.Addr
	Routes  []Route
}

// Router changes the routing table.
type Router interface {
	// Has reports whether there is a route to exactly this network, by whatever way.
	Has(ctx context.Context, to netip.Prefix) (bool, error)
	// Add adds a route; one that is there already is no error.
	Add(ctx context.Context, r Route) error
}

// Runner is all that routing by commands asks of the machine.
type Runner interface {
	Run(ctx context.Context, c machine.Command) (machine.Result, error)
}

var everywhere = netip.MustParsePrefix("0.0.0.0/0")

// ErrUnreachable means that no interface leads to the gateway: at boot often not yet.
var ErrUnreachable = errors.New("the gateway cannot be reached")

// Restore adds the routes of the offer that are missing. A default route is added only where there is none. The error is
// ErrUnreachable if nothing else is wrong.
func Restore(ctx context.Context, r Router, o Offer, log *slog.Logger) error {
	wanted := o.Routes
	if o.Gateway.IsValid() && !o.Gateway.IsUnspecified() {
		wanted = append([]Route{{everywhere, o.Gateway}}, wanted...)
	}
	var errs []error
	waiting := true
	for _, route := range wanted {
		route.To = route.To.Masked()
		there, err := r.Has(ctx, route.To)
		if err == nil && !there {
			if err = r.Add(ctx, route); err == nil {
				log.Info("Added a missing route", "to", route.To.String(), "via", route.Via.String())
			}
		}
		if err != nil {
			waiting = waiting && errors.Is(err, syscall.ENETUNREACH)
			errs = append(errs, fmt.Errorf("route to %s via %s: %w", route.To, route.Via, err))
		}
	}
	if len(errs) > 0 && waiting {
		return errors.Join(append(errs, ErrUnreachable)...)
	}
	return errors.Join(errs...)
}

// BSDRouter routes by FreeBSD's and OpenBSD's programs.
type BSDRouter struct{ Machine Runner }

// Has looks into the printed table, where a network stands without its trailing zeros.
func (b BSDRouter) Has(ctx context.Context, to netip.Prefix) (bool, error) {
	res, err := b.Machine.Run(ctx, machine.Command{Argv: []string{"netstat", "-rn", "-f", "inet"}})
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(res.Stdout)) {
		if fields := strings.Fields(line); len(fields) > 1 && sameNetwork(fields[0], to) {
			return true, nil
		}
	}
	return false, nil
}

func sameNetwork(text string, to netip.Prefix) bool {
	if to == everywhere {
		return text == "default" || text == "0.0.0.0/0"
	}
	if to.IsSingleIP() && text == to.Addr().String() {
		return true
	}
	p, err := netip.ParsePrefix(text)
	return err == nil && p.Masked() == to
}

// Add runs route(8).
func (b BSDRouter) Add(ctx context.Context, r Route) error {
	argv := []string{"route", "add", "default", r.Via.String()}
	if r.To != everywhere {
		mask := net.IP(net.CIDRMask(r.To.Bits(), 32)).String()
		argv = []string{"route", "add", r.To.Addr().String(), r.Via.String(), mask}
	}
	_, err := b.Machine.Run(ctx, machine.Command{Argv: argv})
	return err
}

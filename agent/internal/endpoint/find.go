// Package endpoint finds out where WireServer is: by the routing table, the leases of the machine's DHCP clients, a
// request of its own, or what an earlier run wrote down. It changes no network setting.
package endpoint

import (
	"context"
	"log/slog"
	"net/netip"
	"path"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/internal/host"
)

// Known is where WireServer is on Azure.
var Known = netip.MustParseAddr("168.63.129.16")

const (
	knownRoute   = "10813FA8" // Known as /proc/net/route spells it
	endpointFile = "WireServerEndpoint"
	protocolFile = "Protocol"
	protocolName = "WireProtocol"
)

// Finder finds the endpoint.
type Finder struct {
	Files host.Files
	Dir   string // Lib.Dir
	// Mode is Protocol.EndpointDiscovery: with anything but "dhcp" neither leases nor DHCP are asked.
	Mode string
	DHCP *Exchange // nil: no requests of our own
	Log  *slog.Logger
}

// Find looks for the endpoint. fresh leaves the caches out, after what they named did not answer. Nothing is ever
// fatal: where all else fails the endpoint is the one that Azure uses everywhere.
func (f *Finder) Find(ctx context.Context, fresh bool) Offer {
	return f.find(ctx, fresh, len(dhcpPauses))
}

// find is Find with at most tries requests by DHCP.
func (f *Finder) find(ctx context.Context, fresh bool, tries int) Offer {
	if f.Mode != "dhcp" && f.Mode != "" {
		return f.remembered()
	}
	if f.routed() {
		return f.withRoutes(Offer{Endpoint: Known, Source: "/proc/net/route"})
	}
	if !fresh {
		if offers := Leases(f.Files, time.Now()); len(offers) > 0 {
			return offers[0]
		}
	}
	if f.DHCP != nil {
		o, err := f.DHCP.ask(ctx, tries)
		if err == nil && o.Endpoint.IsValid() {
			return o
		}
		f.Log.Debug("DHCP names no WireServer endpoint", "error", err)
		if err == nil {
			o.Endpoint = Known
			return o
		}
	}
	return f.remembered()
}

// routed reports whether the routing table has a route to the known address, as DHCP clients make it from option 121.
func (f *Finder) routed() bool {
	table, err := f.Files.ReadFile("/proc/net/route")
	return err == nil && strings.Contains(strings.ToUpper(string(table)), knownRoute)
}

// withRoutes adds what a lease says besides the endpoint.
func (f *Finder) withRoutes(o Offer) Offer {
	if offers := Leases(f.Files, time.Now()); len(offers) > 0 {
		o.Gateway, o.Routes = offers[0].Gateway, offers[0].Routes
	}
	return o
}

func (f *Finder) remembered() Offer {
	if ip, ok := f.Saved(); ok {
		return Offer{Endpoint: ip, Source: endpointFile}
	}
	return Offer{Endpoint: Known, Source: "the address used on Azure"}
}

// Saved is the endpoint that an earlier process of this boot found to work.
func (f *Finder) Saved() (netip.Addr, bool) {
	data, err := f.Files.ReadFile(path.Join(f.Dir, endpointFile))
	if err != nil {
		return netip.Addr{}, false
	}
	ip, err := netip.ParseAddr(strings.TrimSpace(string(data)))
	return ip, err == nil
}

// Save writes the endpoint down for the goal-state process, and for extensions that look.
func (f *Finder) Save(ip netip.Addr) error {
	if err := f.Files.WriteAtomic(path.Join(f.Dir, endpointFile), []byte(ip.String()), 0o600); err != nil {
		return err
	}
	return f.Files.WriteAtomic(path.Join(f.Dir, protocolFile), []byte(protocolName), 0o600)
}

// Forget removes what Save wrote: a starting daemon does not trust it.
func (f *Finder) Forget() {
	for _, name := range []string{endpointFile, protocolFile} {
		if err := f.Files.Remove(path.Join(f.Dir, name)); err != nil {
			f.Log.Warn("Cannot forget the endpoint", "file", name, "error", err)
		}
	}
}

// detectWait is the longest pause between two tries to find the fabric: it must be noticed soon after it is back.
const detectWait = 6 * time.Second

// Detect finds an endpoint that answers in the agent's protocol, and saves it. It goes on until it has one or ctx ends;
// failed, if not nil, hears of every failed try. The wire is left speaking to it.
func (f *Finder) Detect(ctx context.Context, wire *fabric.WireServer, events event.Sink, failed func(error)) (Offer, error) {
	// Few requests at a time, so that a fabric which comes back at its usual address is soon noticed.
	for fresh, tries := false, 2; ; fresh, tries = true, 1 {
		o := f.find(ctx, fresh, tries)
		wire.Endpoint = o.Endpoint.String()
		_, err := wire.Versions(ctx, fabric.Raw())
		if err == nil {
			f.Log.Info("Wire server endpoint:"+wire.Endpoint, "found_by", o.Source)
			if o.Endpoint != Known {
				events.Add(event.Event{Operation: "ProtocolEndpoint", Success: true, Message: wire.Endpoint})
			}
			return o, f.Save(o.Endpoint)
		}
		if ctx.Err() != nil {
			return o, ctx.Err()
		}
		if failed != nil {
			failed(err)
		}
		if err := fabric.Sleep(ctx, detectWait); err != nil {
			return o, err
		}
	}
}

package agent

import (
	"context"
	"log/slog"
	"os"
	"path"

	"github.com/google/uuid"

	"github.com/waagent-go/waagent/agent/internal/artifact"
	"github.com/waagent-go/waagent/agent/internal/certs"
	"github.com/waagent-go/waagent/agent/internal/endpoint"
	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/status"
)

// link is how this process reaches the fabric: one HTTP client and the clients of each endpoint over it.
type link struct {
	finder  *endpoint.Finder
	http    *fabric.HTTP
	wire    *fabric.WireServer
	host    *fabric.HostGA
	imds    *fabric.IMDS
	certs   certs.Store
	events  event.Sink
	log     *slog.Logger
	offered endpoint.Offer // what discovery found, once connected
}

// newLink makes the clients; nothing is asked yet.
func (p *program) newLink(events event.Sink) *link {
	http := &fabric.HTTP{
		Dial: p.Dial, Version: p.version, Roots: fabric.Roots(p.files), Failpoint: p.Failpoint,
		Proxy: fabric.NewProxy(p.conf.Network.ProxyHost, p.conf.Network.ProxyPort, os.Getenv),
	}
	wire := &fabric.WireServer{HTTP: http, Endpoint: endpoint.Known.String(), Identity: new(fabric.Identity)}
	l := &link{
		http: http, wire: wire, imds: &fabric.IMDS{HTTP: http}, events: events, log: p.log,
		host:   &fabric.HostGA{HTTP: http, Wire: wire, NewID: uuid.NewString},
		certs:  certs.Store{Files: p.files, Dir: p.conf.LibDir, Log: p.log},
		finder: &endpoint.Finder{Files: p.files, Dir: p.conf.LibDir, Mode: p.conf.Network.EndpointDiscovery, Log: p.log},
	}
	if p.Root == "/" {
		l.finder.DHCP = &endpoint.Exchange{Listen: endpoint.Listen, MAC: endpoint.FirstMAC}
	}
	return l
}

// unreachable is what the log says of a fabric that does not answer, once per cause.
const unreachable = "The fabric cannot be reached, trying again"

// failing hears of every failed try. A first one that was not answered is no warning yet: early in a boot, and while a
// firewall loads its rules, a connection may well be lost that comes about a moment later.
func (l *link) failing() func(error) {
	warn, silent := fabric.OncePerCause(l.log, unreachable), false
	return func(err error) {
		if fabric.Answered(err) || silent {
			warn(err)
			return
		}
		silent = true
		l.log.Info("The fabric does not answer yet, trying again", "error", err)
	}
}

// connect finds the fabric and waits for it as long as ctx allows. Each cause of a failure that lasts is logged once.
func (l *link) connect(ctx context.Context) error {
	o, err := l.finder.Detect(ctx, l.wire, l.events, l.failing())
	l.offered = o
	return err
}

// resume uses the endpoint that the daemon found; it answers false when none is on record.
func (l *link) resume() bool {
	ip, ok := l.finder.Saved()
	if ok {
		l.wire.Endpoint = ip.String()
	}
	return ok
}

// downloader brings manifests and packages.
func (l *link) downloader(fastTrack func() bool) *artifact.Downloader {
	return &artifact.Downloader{HTTP: l.http, Host: l.host, FastTrack: fastTrack, Events: l.events, Log: l.log}
}

// fetcher finds out what the fabric wants.
func (p *program) fetcher(l *link, d *artifact.Downloader, history goalstate.Keeper) *goalstate.Fetcher {
	f := &goalstate.Fetcher{
		Wire: l.wire, Certs: l.certs, Files: p.files, Dir: p.conf.LibDir, Profile: d.Profile, History: history,
		Period: p.conf.Extensions.GoalStatePeriod, Events: l.events, Log: p.log,
	}
	if p.conf.Debug.EnableFastTrack {
		f.Host = l.host
	}
	return f
}

func (l *link) uploader() *status.Uploader {
	return &status.Uploader{HTTP: l.http, Host: l.host, Log: l.log}
}

// lib is a file of the agent's state folder.
func (p *program) lib(name string) string { return path.Join(p.conf.LibDir, name) }

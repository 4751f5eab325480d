package artifact

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/fabric"
)

// fetch takes the preferred channel, then the other one. Where the other one does it, it is preferred from then on.
func (d *Downloader) fetch(ctx context.Context, a fabric.Artifact, limit time.Duration, read func(io.Reader) error) error {
	within := func(channel func(context.Context) error) func() error {
		return func() error {
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			return channel(ctx)
		}
	}
	direct := within(func(ctx context.Context) error { return d.direct(ctx, a.URI, read) })
	if d.Host == nil {
		return direct()
	}
	a.Verify = d.FastTrack != nil && d.FastTrack()
	host := within(func(ctx context.Context) error { return d.Host.Artifact(ctx, a, read) })
	d.mu.Lock()
	hostFirst := d.hostFirst
	d.mu.Unlock()
	first, second := direct, host
	if hostFirst {
		first, second = host, direct
	}
	err := first()
	if err == nil || ctx.Err() != nil {
		return err
	}
	d.Log.Debug("Trying the other channel", "error", err)
	if err2 := second(); err2 != nil {
		return errors.Join(err, err2)
	}
	d.prefer(!hostFirst)
	return nil
}

func (d *Downloader) direct(ctx context.Context, uri string, read func(io.Reader) error) error {
	retry := fabric.Retry{}
	r := fabric.Request{Method: http.MethodGet, URL: uri, Proxied: true}
	if d.Host != nil {
		retry.StopOnTimeout, r.Timeout = true, firstTimeout
	}
	return d.HTTP.Stream(ctx, r, retry, read)
}

func (d *Downloader) prefer(host bool) {
	d.mu.Lock()
	changed := d.hostFirst != host
	d.hostFirst = host
	d.mu.Unlock()
	if !changed {
		return
	}
	name := "Direct"
	if host {
		name = "HostGAPlugin"
	}
	d.Log.Info("Default channel changed to " + name)
	d.Events.Add(event.Event{Operation: "DefaultChannelChange", Success: true, Message: "Default channel changed to " + name})
}

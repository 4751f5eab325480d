// Package channels says at the start of the agent which of the ways to the platform answer: the first question of
// everybody who looks at a machine that does not become ready.
package channels

import (
	"context"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/protocol/hostga"
	"github.com/waagent-go/waagent/agent/protocol/imds"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// limit is how long a channel has to answer.
const limit = 5 * time.Second

// Requester sends requests; *fabric.HTTP is one.
type Requester interface {
	Do(ctx context.Context, r fabric.Request, retry fabric.Retry) (fabric.Response, error)
}

type channel struct {
	name string
	ask  fabric.Request
	took time.Duration
	err  error
}

// Probe asks each channel once, all at the same time, and logs a line for each. endpoint is WireServer's address.
func Probe(ctx context.Context, h Requester, endpoint string, log *slog.Logger) {
	all := []*channel{
		{name: "WireServer", ask: get("http://" + endpoint + wireserver.PathVersions)},
		{name: "HostGAPlugin", ask: get("http://" + net.JoinHostPort(endpoint, strconv.Itoa(hostga.Port)) + hostga.PathVersions)},
		{name: "IMDS", ask: get("http://" + imds.Address + imds.PathVersions)},
	}
	all[2].ask.Header = map[string]string{imds.HeaderMetadata: "True"}
	var wg sync.WaitGroup
	for _, c := range all {
		wg.Go(func() { c.try(ctx, h) })
	}
	wg.Wait()
	if ctx.Err() != nil {
		return
	}
	for _, c := range all {
		if c.err != nil {
			log.Info("Channel does not answer", "channel", c.name, "ms", c.took.Milliseconds(), "reason", c.err)
			continue
		}
		log.Info("Channel answers", "channel", c.name, "ms", c.took.Milliseconds())
	}
}

func get(url string) fabric.Request { return fabric.Request{Method: "GET", URL: url, Timeout: limit} }

func (c *channel) try(ctx context.Context, h Requester) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	begun := time.Now()
	_, c.err = h.Do(ctx, c.ask, fabric.Raw())
	c.took = time.Since(begun)
}

package lbprobe

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"gotest.tools/v3/assert"
)

func TestProbesAreAnsweredOnThePortInForce(t *testing.T) {
	t.Parallel()
	addresses := map[int]string{}
	r := &Responder{Log: slog.New(slog.DiscardHandler), Listen: func(_ context.Context, port int) (net.Listener, error) {
		if port == 7 {
			return nil, errors.New("taken")
		}
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err == nil {
			addresses[port] = l.Addr().String()
		}
		return l, err
	}}
	defer r.Close()
	probe := func(port int) error {
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		res, err := client.Get("http://" + addresses[port] + "/health")
		if err != nil {
			return err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		assert.Equal(t, string(body), "OK")
		assert.Equal(t, res.StatusCode, http.StatusOK)
		assert.Equal(t, res.Header.Get("Content-Type"), "text/html")
		return err
	}
	r.Ports(t.Context(), 50001)
	assert.NilError(t, probe(50001))
	first := addresses[50001]
	r.Ports(t.Context(), 50001, 50002, 7, -1, 70000)
	assert.Equal(t, addresses[50001], first, "a port that stays keeps its listener")
	assert.NilError(t, probe(50001))
	assert.NilError(t, probe(50002))
	assert.Equal(t, len(addresses), 2)

	r.Ports(t.Context(), 50002)
	assert.Assert(t, probe(50001) != nil)
	r.Ports(t.Context())
	assert.Assert(t, probe(50002) != nil)
}

// Package fabric holds the HTTP clients of WireServer, HostGAPlugin, the instance metadata service and storage: which
// headers a call carries, how often it is tried again and what its failures mean. It decides nothing about the VM.
package fabric

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/waagent-go/waagent/agent/protocol/redact"
)

// Dial makes a connection; it is Options.Dial of package agent.
type Dial = func(ctx context.Context, network, addr string) (net.Conn, error)

// HTTP sends requests, each over a connection of its own. It is safe for concurrent use.
type HTTP struct {
	Dial    Dial
	Version string         // of the agent, for User-Agent
	Proxy   Proxy          // for requests that say so; never for the fabric itself
	Roots   *x509.CertPool // nil: the system's
	// Failpoint, when set, is asked before every request; its error stands for the process dying there.
	Failpoint func(name string) error
	// Unanswered, when set, hears of every attempt that no answer came to, by the host and port asked.
	Unanswered func(hostPort string)
}

// Request is one request. Header names are sent as they are spelled here.
type Request struct {
	Method, URL string
	Header      map[string]string
	Body        []byte
	UserAgent   string        // appended to the usual User-Agent
	Timeout     time.Duration // for every single socket operation; 0 is 10 s
	Limit       int64         // of the answer's body; 0 is 16 MiB
	OK          []int         // nil: 200, 201, 202
	Proxied     bool          // goes to storage, through the proxy if there is one
}

// Response is an accepted answer.
type Response struct {
	Code   int
	Header http.Header
	Body   []byte
}

const (
	// OpTimeout is how long a socket may say nothing.
	OpTimeout = 10 * time.Second
	// wholeTimeout bounds an attempt whose answer is kept in memory: a server that drips would hold a duty for ever.
	wholeTimeout = 2 * time.Minute
	defaultLimit = 16 << 20
)

var accepted = []int{http.StatusOK, http.StatusCreated, http.StatusAccepted}

// Do sends r, again as retry says, and reads the answer whole.
func (h *HTTP) Do(ctx context.Context, r Request, retry Retry) (Response, error) {
	var answer Response
	err := retry.do(ctx, r.Method+" "+redact.URL(r.URL), func(int) error {
		ctx, cancel := context.WithTimeout(ctx, wholeTimeout)
		defer cancel()
		return h.once(ctx, r, func(resp *http.Response) error {
			body, err := readAll(resp.Body, orDefault(r.Limit, defaultLimit))
			answer = Response{Code: resp.StatusCode, Header: resp.Header, Body: body}
			return err
		})
	})
	if err != nil {
		return Response{}, err
	}
	return answer, nil
}

// Stream sends r and hands the accepted answer's body to read, which is called again for every new attempt.
func (h *HTTP) Stream(ctx context.Context, r Request, retry Retry, read func(body io.Reader) error) error {
	return retry.do(ctx, r.Method+" "+redact.URL(r.URL), func(int) error {
		return h.once(ctx, r, func(resp *http.Response) error { return read(resp.Body) })
	})
}

// once makes one attempt. Every error names the request.
func (h *HTTP) once(ctx context.Context, r Request, read func(*http.Response) error) error {
	if h.Failpoint != nil {
		if err := h.Failpoint("request " + r.Method + " " + redact.URL(r.URL)); err != nil {
			return &badRequestError{err}
		}
	}
	err := h.exchange(ctx, r, func(resp *http.Response) error {
		ok := r.OK
		if ok == nil {
			ok = accepted
		}
		if slices.Contains(ok, resp.StatusCode) {
			return read(resp)
		}
		body, _ := readAll(io.LimitReader(resp.Body, 64<<10), defaultLimit) // an error's text is a courtesy
		return &StatusError{Method: r.Method, URL: redact.URL(r.URL), Code: resp.StatusCode, Body: redact.SAS(excerpt(body))}
	})
	if err != nil && Code(err) == 0 {
		if u, parseErr := url.Parse(r.URL); h.Unanswered != nil && parseErr == nil && ctx.Err() == nil {
			h.Unanswered(hostPort(u))
		}
		return fmt.Errorf("%s %s: %w", r.Method, redact.URL(r.URL), err)
	}
	return err
}

func readAll(r io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = fmt.Errorf("%w: more than %d bytes", errTooLarge, limit)
	}
	return body, err
}

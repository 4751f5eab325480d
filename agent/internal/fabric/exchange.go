package fabric

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// exchange sends one request over a new connection and hands the answer to read. net/http's own client would keep
// goroutines and pools for connections that are never used twice; here the caller's goroutine does everything, which is
// also what lets a fake clock drive it.
func (h *HTTP) exchange(ctx context.Context, r Request, read func(*http.Response) error) error {
	req, err := h.build(ctx, r)
	if err != nil {
		return &badRequestError{err}
	}
	var proxy *url.URL
	if r.Proxied {
		proxy = h.Proxy.For(req.URL)
	}
	conn, err := h.connect(ctx, req.URL, proxy, orDefault(r.Timeout, OpTimeout))
	if err != nil {
		return orContext(ctx, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()

	write := req.Write
	if proxy != nil && req.URL.Scheme == "http" {
		write = req.WriteProxy
		authorize(req.Header, proxy)
	}
	wrote := write(conn)
	resp, err := readResponse(bufio.NewReader(conn), req)
	if err != nil {
		// A server may refuse a long body before it has read it all: its answer counts, else the first error.
		return orContext(ctx, errors.Join(wrote, err))
	}
	defer resp.Body.Close()
	return orContext(ctx, read(resp))
}

// build turns r into a request with the headers that every request carries.
func (h *HTTP) build(ctx context.Context, r Request) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	if req.URL.Host == "" || req.URL.Scheme != "http" && req.URL.Scheme != "https" {
		return nil, errors.New("not an http URL")
	}
	for name, value := range r.Header {
		req.Header[name] = []string{value} // not Set: the spelling is part of the contract
	}
	req.Header["Accept-Encoding"] = []string{"identity"}
	req.Header["User-Agent"] = []string{"WALinuxAgent/" + h.Version + r.UserAgent}
	req.Host = hostHeader(req.URL)
	req.Close = true
	if len(r.Body) == 0 {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	return req, nil
}

// hostHeader leaves the scheme's own port out, which some servers insist on.
func hostHeader(u *url.URL) string {
	if u.Port() == schemePort(u) {
		return u.Hostname()
	}
	return u.Host
}

func schemePort(u *url.URL) string {
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

func hostPort(u *url.URL) string {
	return net.JoinHostPort(u.Hostname(), orDefault(u.Port(), schemePort(u)))
}

// connect reaches u, through proxy if there is one, with TLS if u asks for it.
func (h *HTTP) connect(ctx context.Context, u, proxy *url.URL, idle time.Duration) (net.Conn, error) {
	target := u
	if proxy != nil {
		target = proxy
	}
	dialCtx, cancel := context.WithTimeout(ctx, idle)
	defer cancel()
	raw, err := h.Dial(dialCtx, "tcp", hostPort(target))
	if err != nil {
		return nil, err
	}
	conn := net.Conn(&idleConn{Conn: raw, idle: idle})
	if u.Scheme != "https" {
		return conn, nil
	}
	if proxy != nil {
		if err := tunnel(ctx, conn, proxy, hostPort(u)); err != nil {
			conn.Close()
			return nil, err
		}
	}
	secure := tls.Client(conn, &tls.Config{ServerName: u.Hostname(), RootCAs: h.Roots, MinVersion: tls.VersionTLS12})
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// readResponse skips interim answers.
func readResponse(r *bufio.Reader, req *http.Request) (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(r, req)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, nil
		}
	}
}

// orContext names the context's end as the reason when it closed the connection under err.
func orContext(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// idleConn gives up when nothing moves for a while, however long the whole takes.
type idleConn struct {
	net.Conn
	idle time.Duration
}

func (c *idleConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.idle)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *idleConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.idle)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

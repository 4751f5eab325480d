package control

import (
	"context"
	"net"
	"net/http"
)

// InProcess serves h to a client over in-memory connections, until stop is called.
func InProcess(h http.Handler) (c *Client, stop func()) {
	conns, done := make(chan net.Conn), make(chan struct{})
	server := &http.Server{Handler: h}
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.Serve(pipeListener{conns, done}) //nolint:errcheck // it ends by Close below
	}()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		near, far := net.Pipe()
		select {
		case conns <- far:
			return near, nil
		case <-done:
			return nil, net.ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
	stop = func() {
		close(done)
		server.Close()
		transport.CloseIdleConnections()
		<-served
	}
	return &Client{HTTP: &http.Client{Transport: transport}, Base: "http://fabricsim"}, stop
}

type pipeListener struct {
	conns <-chan net.Conn
	done  <-chan struct{}
}

func (l pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l pipeListener) Close() error   { return nil }
func (l pipeListener) Addr() net.Addr { return guestAddr("in process") }

// Package fabrictest lets clients of the fabric be tested without sockets: handlers answer over in-memory connections,
// so that testing/synctest's clock drives every time-out and every pause.
package fabrictest

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
)

// Net is a network whose addresses (ip:port) are answered by handlers; others refuse connections.
type Net map[string]http.Handler

// Dial connects to a handler.
func (n Net) Dial(ctx context.Context, _, addr string) (net.Conn, error) {
	h := n[addr]
	if h == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	client, server := net.Pipe()
	go answer(server, h)
	return client, nil
}

// answer serves one request. A handler that panics with http.ErrAbortHandler breaks the connection off.
func answer(conn net.Conn, h http.Handler) {
	defer conn.Close()
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			panic(p)
		}
	}()
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	resp := w.Result()
	resp.ContentLength = int64(w.Body.Len())
	_ = resp.Write(conn) // the client may have gone
}

// Route is a request as Script's steps name it: method, a space, and the URL as sent.
type Route = string

// Script is a handler that answers from a list and remembers who asked. It is safe for concurrent use.
type Script struct {
	mu      sync.Mutex
	answers map[Route][]http.HandlerFunc
	Seen    []*http.Request
}

// On adds answers for a route; the last one is given for ever.
func (s *Script) On(route Route, answers ...http.HandlerFunc) *Script {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answers == nil {
		s.answers = map[Route][]http.HandlerFunc{}
	}
	s.answers[route] = answers
	return s
}

// ServeHTTP gives the next answer, or 404.
func (s *Script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.Seen = append(s.Seen, r)
	route := r.Method + " " + r.URL.RequestURI()
	list := s.answers[route]
	if len(list) > 1 {
		s.answers[route] = list[1:]
	}
	s.mu.Unlock()
	if len(list) == 0 {
		http.Error(w, "no such route: "+route, http.StatusNotFound)
		return
	}
	list[0](w, r)
}

// Count is how often a route was asked for.
func (s *Script) Count(route Route) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.Seen {
		if r.Method+" "+r.URL.RequestURI() == route {
			n++
		}
	}
	return n
}

// Say answers with a body.
func Say(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
}

// Code answers with a status and a body.
func Code(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}
}

// Abort breaks the connection off without an answer.
func Abort(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// Silent is an address that takes connections and never says anything; what is sent to it is swallowed.
func Silent(ctx context.Context, _, _ string) (net.Conn, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		buf := make([]byte, 4096)
		for {
			if _, err := server.Read(buf); err != nil {
				return
			}
		}
	}()
	return client, nil
}

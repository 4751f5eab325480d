// Package lbprobe answers the load balancer's probes on the port that the goal state names, as the documentation of
// LBProbeResponder promises. It says OK to whoever asks and serves nothing else.
package lbprobe

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Responder is the duty. Ports tells it which ports the goal state in force names.
type Responder struct {
	Listen func(ctx context.Context, port int) (net.Listener, error) // nil: every IPv4 address of the machine
	Log    *slog.Logger

	mu        sync.Mutex
	listeners map[int]net.Listener
	serving   sync.WaitGroup
}

const (
	probeLimit   = 1024
	probeTimeout = 10 * time.Second
	atOnce       = 16 // probes come every few seconds; whoever wants more is no load balancer
)

// Ports makes the responder listen on these ports and on no others; none switches it off. A port that cannot be had is
// logged and tried again with the next goal state.
func (r *Responder) Ports(ctx context.Context, ports ...int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	wanted := map[int]bool{}
	for _, p := range ports {
		wanted[p] = p > 0 && p < 1<<16
	}
	for port, l := range r.listeners {
		if !wanted[port] {
			l.Close()
			delete(r.listeners, port)
		}
	}
	for port, ok := range wanted {
		if !ok || r.listeners[port] != nil {
			continue
		}
		l, err := r.listen(ctx, port)
		if err != nil {
			r.Log.Warn("Cannot answer the load balancer's probes", "port", port, "error", err.Error())
			continue
		}
		if r.listeners == nil {
			r.listeners = map[int]net.Listener{}
		}
		r.listeners[port] = l
		r.Log.Info("Answering the load balancer's probes", "port", port)
		r.serving.Go(func() { serve(l) })
	}
}

// Close stops listening and waits for what is being answered.
func (r *Responder) Close() {
	r.mu.Lock()
	for port, l := range r.listeners {
		l.Close()
		delete(r.listeners, port)
	}
	r.mu.Unlock()
	r.serving.Wait()
}

func (r *Responder) listen(ctx context.Context, port int) (net.Listener, error) {
	if r.Listen != nil {
		return r.Listen(ctx, port)
	}
	var lc net.ListenConfig
	return lc.Listen(ctx, "tcp4", fmt.Sprintf(":%d", port))
}

// serve ends when the listener is closed.
func serve(l net.Listener) {
	slots := make(chan struct{}, atOnce)
	var busy sync.WaitGroup
	defer busy.Wait()
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		slots <- struct{}{}
		busy.Go(func() {
			answer(conn)
			<-slots
		})
	}
}

func answer(conn net.Conn) {
	defer conn.Close()
	if conn.SetDeadline(time.Now().Add(probeTimeout)) != nil {
		return
	}
	if _, err := conn.Read(make([]byte, probeLimit)); err != nil {
		return
	}
	fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/html\r\nDate: %s\r\nConnection: close\r\n\r\nOK",
		time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
}

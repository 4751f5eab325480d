package scenarios

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/waagent-go/waagent/fabricsim"
	"github.com/waagent-go/waagent/fabricsim/control"
	"github.com/waagent-go/waagent/scenarios/internal/pipe"
	"github.com/waagent-go/waagent/scenarios/machine"
	"github.com/waagent-go/waagent/scenarios/machine/loopback"
)

// loopbackSite runs agents in this process; connections are pipes, whose ends remember which guest dialled.
type loopbackSite struct {
	s      Surroundings
	fabric *fabricsim.Fabric
	client *control.Client
	hosts  map[string]chan net.Conn // by host:port
	cut    atomic.Bool
	stop   []func() error

	mu     sync.Mutex
	guests []*loopback.Guest
}

func openLoopback(_ context.Context, s Surroundings) (Site, error) {
	f, err := fabricsim.New(fabricsim.Options{})
	if err != nil {
		return nil, err
	}
	client, stop := control.InProcess(f.Control())
	l := &loopbackSite{s: s, fabric: f, client: client, hosts: map[string]chan net.Conn{}}
	l.stop = []func() error{f.Close, func() error { stop(); return nil }}
	l.serve(fabricsim.WireServerIP+":80", f.WireServer(), false)
	l.serve(fmt.Sprintf("%s:%d", fabricsim.WireServerIP, fabricsim.HostGAPort), f.HostGA(), false)
	l.serve(fabricsim.IMDSIP+":80", f.IMDS(), false)
	l.serve("blobs:443", f.Blobs(), true)
	l.serve("blobs:80", f.Blobs(), false)
	return l, nil
}

// serve answers at one address.
func (l *loopbackSite) serve(at string, handler http.Handler, secured bool) {
	conns := make(chan net.Conn)
	l.hosts[at] = conns
	server := &http.Server{Handler: handler, ConnContext: dialledBy}
	listener := &pipeListener{conns: conns, done: make(chan struct{})}
	l.stop = append(l.stop, server.Close)
	if secured {
		server.TLSConfig = l.fabric.TLSConfig()
		go server.ServeTLS(listener, "", "")
		return
	}
	go server.Serve(listener)
}

// guestConn is the fabric's end of a connection, with the guest at the other one.
type guestConn struct {
	net.Conn
	guest string
}

// dialledBy has the fabric know by the connection which VM asks: guests of this driver have no addresses.
func dialledBy(ctx context.Context, c net.Conn) context.Context {
	if secured, ok := c.(*tls.Conn); ok {
		c = secured.NetConn()
	}
	return fabricsim.ConnContext(c.(guestConn).guest)(ctx, c)
}

// dialler connects a guest to the addresses of the fabric.
func (l *loopbackSite) dialler(guest string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, _, addr string) (net.Conn, error) { return l.dial(ctx, guest, addr) }
}

// dial connects a guest to an address of the fabric.
func (l *loopbackSite) dial(ctx context.Context, guest, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(host, fabricsim.BlobDomain) || host == fabricsim.BlobIP {
		addr = "blobs:" + port
	}
	conns, ok := l.hosts[addr]
	if !ok || l.cut.Load() {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}
	}
	near, far := pipe.New()
	select {
	case conns <- guestConn{Conn: far, guest: guest}:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *loopbackSite) Control() (*http.Client, string) { return l.client.HTTP, l.client.Base }

// Address is none: the VM is known by the connection.
func (l *loopbackSite) Address() netip.Addr { return netip.Addr{} }

func (l *loopbackSite) Boot(_ context.Context, g Guest) (machine.Machine, error) {
	root := filepath.Join(l.s.Dir, g.Name+"-root")
	if err := os.Mkdir(root, 0o755); err != nil {
		return nil, err
	}
	if g.Unreachable {
		l.cut.Store(true)
	}
	files := map[string]string{}
	for _, f := range g.Files {
		files[f.Path] = string(f.Data)
	}
	guest, err := loopback.Boot(loopback.Spec{
		Root: root, DVD: g.DVD, UUID: g.UUID, CA: g.CA, Conf: g.Conf, Files: files,
		Dial: l.dialler(g.Name), Log: l.s.Log,
	})
	if err != nil {
		return nil, err
	}
	l.s.Timeline.Say("boot: agent and fabric in one process, no guest")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.guests = append(l.guests, guest)
	return guest, nil
}

func (l *loopbackSite) Reach(_ context.Context, reachable bool) error {
	l.cut.Store(!reachable)
	return nil
}

func (l *loopbackSite) Close(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, g := range l.guests {
		errs = append(errs, g.Close(ctx))
	}
	for _, stop := range l.stop {
		errs = append(errs, stop())
	}
	return errors.Join(errs...)
}

// pipeListener accepts the far ends of pipes.
type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "loopback"} }

package control

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// protocolName is what a connection is upgraded to.
const protocolName = "fabricsim-tcp"

// dial connects to a guest and then carries bytes both ways over the client's connection.
func dial(w http.ResponseWriter, r *http.Request, b Backend) {
	if r.Header.Get("Upgrade") != protocolName {
		http.Error(w, "Upgrade: "+protocolName+" is missing", http.StatusBadRequest)
		return
	}
	guest, err := b.DialGuest(r.Context(), r.FormValue("addr"))
	if err != nil {
		reply(w, nil, err)
		return
	}
	defer guest.Close()
	client, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		reply(w, nil, err)
		return
	}
	defer client.Close()
	client.SetDeadline(time.Time{}) //nolint:errcheck // the copying below tells
	fmt.Fprintf(client, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", protocolName)
	var wg sync.WaitGroup
	wg.Go(func() {
		io.Copy(guest, buf) //nolint:errcheck // an ended connection is the usual end
		halfClose(guest)
	})
	io.Copy(client, guest) //nolint:errcheck // likewise
	client.Close()
	guest.Close()
	wg.Wait()
}

// halfClose tells the other side that nothing more comes, where that is possible.
func halfClose(c net.Conn) {
	if h, ok := c.(interface{ CloseWrite() error }); ok {
		h.CloseWrite() //nolint:errcheck // it has gone already
	}
}

// Dial connects to a TCP port of a guest from the fabric's side of its network. The context bounds connecting only.
func (c *Client) Dial(ctx context.Context, addr string) (net.Conn, error) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	req, err := http.NewRequestWithContext(life, http.MethodPost, c.Base+"/v1/dial?addr="+url.QueryEscape(addr), nil)
	if err != nil {
		cancel()
		return nil, err
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", protocolName)
	resp, err := c.HTTP.Do(req)
	if err != nil {
		cancel()
		return nil, err
	}
	stop()
	stream, ok := resp.Body.(io.ReadWriteCloser)
	if resp.StatusCode != http.StatusSwitchingProtocols || !ok {
		defer cancel()
		return nil, fmt.Errorf("dial %s: %w", addr, failure(resp))
	}
	return &tunnel{ReadWriteCloser: stream, cancel: cancel, addr: guestAddr(addr)}, nil
}

// tunnel is a connection through the API. It has no deadlines of its own: whoever needs one closes it.
type tunnel struct {
	io.ReadWriteCloser
	cancel context.CancelFunc
	addr   guestAddr
}

func (t *tunnel) Close() error {
	defer t.cancel()
	return t.ReadWriteCloser.Close()
}

func (t *tunnel) LocalAddr() net.Addr              { return guestAddr("fabric") }
func (t *tunnel) RemoteAddr() net.Addr             { return t.addr }
func (t *tunnel) SetDeadline(time.Time) error      { return nil }
func (t *tunnel) SetReadDeadline(time.Time) error  { return nil }
func (t *tunnel) SetWriteDeadline(time.Time) error { return nil }

type guestAddr string

func (guestAddr) Network() string  { return "tcp" }
func (a guestAddr) String() string { return string(a) }

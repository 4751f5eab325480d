package container

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
)

// dial opens a TCP connection from the fabric's side, through a tunnel of the control API.
func (f *fabric) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	conn, err := f.http.Transport.(*http.Transport).DialContext(ctx, "", "")
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", to, err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	tunnel, err := upgrade(ctx, conn, to)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("dial %s: %w", to, err)
	}
	return tunnel, nil
}

func upgrade(ctx context.Context, conn net.Conn, to netip.AddrPort) (net.Conn, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://fabric/v1/dial?addr="+to.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "tcp")
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return nil, fmt.Errorf("%s: %s", resp.Status, body)
	}
	return &tunnelled{Conn: conn, r: r}, nil
}

// tunnelled reads what arrived behind the answer first.
type tunnelled struct {
	net.Conn
	r *bufio.Reader
}

func (t *tunnelled) Read(p []byte) (int, error) { return t.r.Read(p) }

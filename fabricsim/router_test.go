package fabricsim_test

import (
	"context"
	"net"
)

// router sends connections to the fabric's addresses to the servers that stand in for them.
type router struct{ g *guest }

func (r *router) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	var to net.Addr
	switch {
	case host == "169.254.169.254":
		to = r.g.imds.Listener.Addr()
	case port == "32526":
		to = r.g.hostga.Listener.Addr()
	case host == "168.63.129.16":
		to = r.g.wire.Listener.Addr()
	case port == "443":
		to = r.g.ssl.Listener.Addr()
	default:
		to = r.g.blobs.Listener.Addr()
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", to.String())
}

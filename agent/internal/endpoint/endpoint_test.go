package endpoint_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/fs"
	"gotest.tools/v3/golden"

	"github.com/waagent-go/waagent/agent/internal/endpoint"
	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/fabric"
	. "github.com/waagent-go/waagent/agent/internal/fabric/fabrictest"
	"github.com/waagent-go/waagent/agent/internal/host"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func finder(t *testing.T, files ...fs.PathOp) *endpoint.Finder {
	t.Helper()
	dir := fs.NewDir(t, "root", append(files, fs.WithDir("lib"))...)
	return &endpoint.Finder{Files: host.Files{Root: dir.Path()}, Dir: "/lib", Mode: "dhcp", Log: quiet}
}

func in(path, content string) fs.PathOp {
	op := fs.WithFile(last(path), content)
	for dir := parent(path); dir != ""; dir = parent(dir) {
		op = fs.WithDir(last(dir), op)
	}
	return op
}

func last(path string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[i+1:]
		}
	}
	return path
}

func parent(path string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[:i]
		}
	}
	return ""
}

const routeTable = "Iface\tDestination\tGateway\neth0\t10813FA8\t0100000A\n"

const iscLease = `lease {
  interface "eth0";
  option unknown-245 aa:bb:cc:1;
  expire 4 2020/01/02 03:04:05;
}
lease {
  option routers 10.0.0.1;
  option unknown-245 a8:3f:81:11;
  option rfc3442-classless-static-routes 0,10,0,0,1,32,168,63,129,16,10,0,0,1;
  option unknown-249 20:a8:3f:81:10:0a:0:0:1;
  expire never;
}
`

const networkdLease = "ADDRESS=10.0.0.4\nROUTER=10.0.0.1\nROUTES=168.63.129.16/32,10.0.0.1\nOPTION_245=a83f8112\n"

func TestTheEndpointIsFoundInOrder(t *testing.T) {
	t.Parallel()
	reply := string(makeReply(0, nil, 245, 4, 168, 63, 129, 19, 255))
	for _, c := range []struct {
		name  string
		mode  string
		files []fs.PathOp
		want  string
	}{
		{"the route comes first", "dhcp", []fs.PathOp{in("proc/net/route", routeTable), in("var/lib/dhcp/dhclient.eth0.leases", iscLease)}, "168.63.129.16"},
		{"a lease of dhclient", "dhcp", []fs.PathOp{in("var/lib/dhcp/dhclient.eth0.leases", iscLease)}, "168.63.129.17"},
		{"on RHEL", "dhcp", []fs.PathOp{in("var/lib/dhclient/dhclient-eth0.lease", iscLease)}, "168.63.129.17"},
		{"under NetworkManager", "dhcp", []fs.PathOp{in("var/lib/NetworkManager/dhclient-x-eth0.lease", iscLease)}, "168.63.129.17"},
		{"NetworkManager itself", "dhcp", []fs.PathOp{in("var/lib/NetworkManager/internal-x-eth0.lease", networkdLease)}, "168.63.129.18"},
		{"networkd", "dhcp", []fs.PathOp{in("run/systemd/netif/leases/2", networkdLease)}, "168.63.129.18"},
		{"dhcpcd", "dhcp", []fs.PathOp{in("var/lib/dhcpcd/eth0.lease", reply)}, "168.63.129.19"},
		{"dhcpcd of old", "dhcp", []fs.PathOp{in("var/lib/dhcpcd5/eth0.lease", reply)}, "168.63.129.19"},
		{"dhcpcd of the BSDs", "dhcp", []fs.PathOp{in("var/db/dhcpcd/hn0.lease", reply)}, "168.63.129.19"},
		{"dhclient before the disk is writable", "dhcp", []fs.PathOp{in("run/dhclient.eth0.leases", iscLease)}, "168.63.129.17"},
		{"FreeBSD", "dhcp", []fs.PathOp{in("var/db/dhclient.leases.hn0", iscLease)}, "168.63.129.17"},
		{"a damaged lease is passed over", "dhcp", []fs.PathOp{in("run/systemd/netif/leases/2", "OPTION_245=xyz\n"), in("var/lib/dhcpcd/eth0.lease", reply)}, "168.63.129.19"},
		{"what was remembered", "static", []fs.PathOp{in("var/lib/dhcpcd/eth0.lease", reply)}, "10.1.2.3"},
		{"the usual address", "dhcp", nil, "168.63.129.16"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := finder(t, c.files...)
			f.Mode = c.mode
			if c.mode == "static" {
				assert.NilError(t, f.Save(ip("10.1.2.3")))
			}
			assert.Equal(t, f.Find(t.Context(), false).Endpoint, ip(c.want))
		})
	}
}

func TestALeaseAlsoTellsGatewayAndRoutes(t *testing.T) {
	t.Parallel()
	want := []endpoint.Route{
		{To: netip.MustParsePrefix("0.0.0.0/0"), Via: ip("10.0.0.1")},
		{To: netip.MustParsePrefix("168.63.129.16/32"), Via: ip("10.0.0.1")},
	}
	isc, err := endpoint.ParseISC([]byte(iscLease), time.Now())
	assert.NilError(t, err)
	assert.Equal(t, isc.Gateway, ip("10.0.0.1"))
	assert.Equal(t, fmt.Sprint(isc.Routes), fmt.Sprint(want))
	networkd, err := endpoint.ParseNetworkd([]byte(networkdLease), time.Now())
	assert.NilError(t, err)
	assert.Equal(t, networkd.Gateway, ip("10.0.0.1"))
	assert.Equal(t, fmt.Sprint(networkd.Routes), fmt.Sprint(want[1:]))
}

func TestLeasesExpire(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for expire, valid := range map[string]bool{
		"4 2026/11/24 12:00:01": true, "4 2026/11/24 11:59:59": false, "4 2026/11/24 12:00:01 UTC": true,
		"never": true, "epoch 1795521601": true, "epoch 1": false, "garbage": false,
	} {
		o, err := endpoint.ParseISC([]byte("lease {\noption unknown-245 1:2:3:4;\nexpire "+expire+";\n}\n"), now)
		assert.NilError(t, err)
		assert.Equal(t, o.Endpoint.IsValid(), valid, expire)
	}
}

func TestOption245ComesInManySpellings(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"a8:3f:81:10", "A8:3F:81:10", `"\250?\201\020"`} {
		o, err := endpoint.ParseISC([]byte("lease {\noption unknown-245 "+value+";\nexpire never;\n}\n"), time.Now())
		assert.NilError(t, err)
		assert.Equal(t, o.Endpoint, ip("168.63.129.16"), value)
	}
}

func makeReply(xid uint32, mac net.HardwareAddr, options ...byte) []byte {
	p := make([]byte, 240)
	p[0] = 2
	binary.BigEndian.PutUint32(p[4:], xid)
	copy(p[28:], mac)
	copy(p[236:], []byte{99, 130, 83, 99})
	return append(p, options...)
}

func TestParseReplyReadsOptionsBetweenPads(t *testing.T) {
	t.Parallel()
	o, err := endpoint.ParseReply(makeReply(0, nil, 0, 3, 4, 10, 0, 0, 1, 0, 0, 0, 245, 4, 168, 63, 129, 16,
		249, 14, 0, 10, 0, 0, 1, 32, 168, 63, 129, 16, 10, 0, 0, 1, 121, 5, 0, 10, 0, 0, 1, 255, 245, 4, 9, 9, 9, 9))
	assert.NilError(t, err)
	assert.Equal(t, o.Endpoint, ip("168.63.129.16"))
	assert.Equal(t, o.Gateway, ip("10.0.0.1"))
	assert.Equal(t, fmt.Sprint(o.Routes), "[{0.0.0.0/0 10.0.0.1} {168.63.129.16/32 10.0.0.1}]")
	for _, options := range [][]byte{{245, 3, 1, 2, 3, 255}, {245, 9, 1}, {249, 2, 33, 0}, {3, 1, 1}} {
		_, err := endpoint.ParseReply(makeReply(0, nil, options...))
		assert.ErrorContains(t, err, "DHCP", "%v", options)
	}
	_, err = endpoint.ParseReply([]byte("short"))
	assert.ErrorContains(t, err, "no DHCP message")
}

// link is a network with one DHCP server that answers the nth request.
type link struct {
	mu       sync.Mutex
	requests [][]byte
	answerAt int
}

type socket struct {
	net.Conn
	link *link
}

func (s socket) ReadFrom(p []byte) (int, net.Addr, error) {
	n, err := s.Read(p)
	return n, nil, err
}

func (s socket) WriteTo(p []byte, _ net.Addr) (int, error) { return s.Write(p) }

func (l *link) listen(context.Context) (net.PacketConn, error) {
	client, server := net.Pipe()
	go l.serve(server)
	return socket{client, l}, nil
}

func (l *link) serve(conn net.Conn) {
	buf := make([]byte, 1500)
	n, err := conn.Read(buf)
	if err != nil {
		return
	}
	l.mu.Lock()
	l.requests = append(l.requests, append([]byte(nil), buf[:n]...))
	answer := len(l.requests) == l.answerAt
	l.mu.Unlock()
	if !answer {
		return
	}
	xid := binary.BigEndian.Uint32(buf[4:])
	_, _ = conn.Write(makeReply(xid+1, buf[28:34], 245, 4, 6, 6, 6, 6, 255)) // somebody else's
	_, _ = conn.Write(makeReply(xid, buf[28:34], 245, 4, 168, 63, 129, 20, 255))
}

func TestTheAgentAsksByDHCPItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &link{answerAt: 3}
		f := finder(t)
		f.DHCP = &endpoint.Exchange{Listen: l.listen, MAC: func() (net.HardwareAddr, error) { return net.ParseMAC("00:0d:3a:01:02:03") }}
		start := time.Now()
		o := f.Find(t.Context(), false)
		assert.Equal(t, o.Endpoint, ip("168.63.129.20"))
		assert.Equal(t, time.Since(start), 60*time.Second) // 10 + 10, 10 + 30
		assert.Equal(t, len(l.requests[0]), 244)
		assert.DeepEqual(t, l.requests[0][236:], []byte{99, 130, 83, 99, 53, 1, 1, 255})
		assert.Equal(t, l.requests[0][10], byte(0))
		assert.Equal(t, l.requests[1][10], byte(0x80))
		var all strings.Builder
		for _, r := range l.requests {
			copy(r[4:8], "XXXX") // a random number
			all.WriteString(hex.Dump(r) + "\n")
		}
		golden.Assert(t, all.String(), "requests.golden")
	})
}

// recorded are the events that somebody told of.
type recorded []event.Event

func (r *recorded) Add(e event.Event) { *r = append(*r, e) }

func TestAnotherEndpointThanTheUsualOneIsAnEvent(t *testing.T) {
	t.Parallel()
	for lease, want := range map[string]int{iscLease: 1, strings.ReplaceAll(iscLease, "a8:3f:81:11", "a8:3f:81:10"): 0} {
		f := finder(t, in("var/lib/dhcp/dhclient.eth0.leases", lease))
		versions := Say("<Versions><Preferred><Version>2012-11-30</Version></Preferred></Versions>")
		network := Net{"168.63.129.16:80": versions, "168.63.129.17:80": versions}
		wire := &fabric.WireServer{HTTP: &fabric.HTTP{Dial: network.Dial}, Identity: new(fabric.Identity)}
		var events recorded
		o, err := f.Detect(t.Context(), wire, &events, nil)
		assert.NilError(t, err)
		assert.Equal(t, len(events), want, "%s", o.Endpoint)
		for _, e := range events {
			assert.DeepEqual(t, e, event.Event{Operation: "ProtocolEndpoint", Success: true, Message: "168.63.129.17"})
		}
	}
}

func TestDetectWaitsForAFabricThatIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := finder(t)
		network := Net{}
		wire := &fabric.WireServer{HTTP: &fabric.HTTP{Dial: network.Dial}, Identity: new(fabric.Identity)}
		back := time.Now().Add(2 * time.Hour)
		failures := 0
		o, err := f.Detect(t.Context(), wire, event.Discard{}, func(error) {
			failures++
			if time.Now().After(back) {
				network["168.63.129.16:80"] = Say("<Versions><Preferred><Version>2015-04-05</Version></Preferred><Supported><Version>2012-11-30</Version></Supported></Versions>")
			}
		})
		assert.NilError(t, err)
		assert.Equal(t, o.Endpoint, endpoint.Known)
		assert.Assert(t, failures > 1000)
		for name, want := range map[string]string{"/lib/WireServerEndpoint": "168.63.129.16", "/lib/Protocol": "WireProtocol"} {
			got, err := f.Files.ReadFile(name)
			assert.NilError(t, err)
			assert.Equal(t, string(got), want)
		}
		f.Forget()
		_, ok := f.Saved()
		assert.Assert(t, !ok)
	})
}

func FuzzParseReply(f *testing.F) {
	f.Add(makeReply(1, nil, 245, 4, 1, 2, 3, 4, 249, 5, 0, 1, 2, 3, 4, 255))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := endpoint.ParseReply(data)
		if err == nil {
			for _, r := range o.Routes {
				assert.Assert(t, r.To.IsValid() && r.Via.IsValid() && r.To == r.To.Masked())
			}
		}
	})
}

func FuzzLease(f *testing.F) {
	f.Add(iscLease)
	f.Add(networkdLease)
	f.Fuzz(func(t *testing.T, text string) {
		now := time.Unix(1, 0)
		for _, parse := range []func([]byte, time.Time) (endpoint.Offer, error){endpoint.ParseISC, endpoint.ParseNetworkd} {
			if o, err := parse([]byte(text), now); err == nil {
				again, err := parse([]byte(text), now)
				assert.NilError(t, err)
				assert.Equal(t, fmt.Sprint(again), fmt.Sprint(o))
				assert.Assert(t, !o.Endpoint.IsValid() || o.Endpoint.Is4())
			}
		}
	})
}

func TestASilentDHCPServerHoldsUpLittle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := finder(t)
		l := &link{answerAt: -1}
		f.DHCP = &endpoint.Exchange{Listen: l.listen, MAC: func() (net.HardwareAddr, error) { return net.ParseMAC("00:0d:3a:01:02:03") }}
		back := time.Now().Add(time.Hour)
		wire := &fabric.WireServer{Identity: new(fabric.Identity), HTTP: &fabric.HTTP{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if time.Now().Before(back) {
				return Net{}.Dial(ctx, network, addr)
			}
			return Net{"168.63.129.16:80": Say("<Versions><Supported><Version>2012-11-30</Version></Supported></Versions>")}.Dial(ctx, network, addr)
		}}}
		_, err := f.Detect(t.Context(), wire, event.Discard{}, nil)
		assert.NilError(t, err)
		assert.Assert(t, time.Since(back) < 20*time.Second, time.Since(back))
	})
}

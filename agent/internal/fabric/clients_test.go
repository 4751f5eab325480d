package fabric_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/waagent-go/waagent/agent/internal/fabric"
	. "github.com/waagent-go/waagent/agent/internal/fabric/fabrictest"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

const goalStateDoc = `<GoalState><Incarnation>3</Incarnation><Container><ContainerId>c1</ContainerId><RoleInstanceList><RoleInstance><InstanceId>i1</InstanceId><Configuration><ConfigName>d.1.d.0.i1.1.xml</ConfigName></Configuration></RoleInstance></RoleInstanceList></Container></GoalState>`

// recorder keeps the bytes that clients send.
type recorder struct {
	mu   sync.Mutex
	sent bytes.Buffer
	next func(ctx context.Context, network, addr string) (net.Conn, error)
}

type tee struct {
	net.Conn
	r *recorder
}

func (c tee) Write(p []byte) (int, error) {
	c.r.mu.Lock()
	c.r.sent.Write(p)
	c.r.mu.Unlock()
	return c.Conn.Write(p)
}

func (r *recorder) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := r.next(ctx, network, addr)
	r.mu.Lock()
	fmt.Fprintf(&r.sent, "=== %s\n", addr)
	r.mu.Unlock()
	return tee{conn, r}, err
}

func (r *recorder) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.ReplaceAll(r.sent.String(), "\r\n", "\n")
}

type clients struct {
	wire *fabric.WireServer
	host *fabric.HostGA
	imds *fabric.IMDS
	rec  *recorder
}

func newClients(n Net) clients {
	rec := &recorder{next: n.Dial}
	h := &fabric.HTTP{Dial: rec.Dial, Version: "3.0.0.0"}
	wire := &fabric.WireServer{HTTP: h, Endpoint: "168.63.129.16", Identity: new(fabric.Identity)}
	return clients{wire, &fabric.HostGA{HTTP: h, Wire: wire, NewID: func() string { return "11111111-2222-3333-4444-555555555555" }}, &fabric.IMDS{HTTP: h}, rec}
}

func TestEveryRequestIsSentAsTheFabricKnowsIt(t *testing.T) {
	t.Parallel()
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.RawQuery == "comp=goalstate":
			_, _ = io.WriteString(w, goalStateDoc)
		case r.URL.RawQuery == "comp=versions":
			_, _ = io.WriteString(w, `<Versions><Supported><Version>2012-11-30</Version></Supported></Versions>`)
		case r.URL.RawQuery == "comp=roleProperties":
			w.WriteHeader(http.StatusAccepted)
		case r.URL.Path == "/versions":
			_, _ = io.WriteString(w, `["2015-09-01"]`)
		case r.URL.Path == "/vmSettings":
			w.Header().Set("ETag", "42")
			_, _ = io.WriteString(w, "{}")
		case strings.HasPrefix(r.URL.Path, "/metadata"):
			_, _ = io.WriteString(w, `{"network":{"interface":[{"macAddress":"02","ipv4":{"ipAddress":[{"privateIpAddress":"10.0.0.4"}]}}]}}`)
		}
	})
	c := newClients(Net{"168.63.129.16:80": ok, "168.63.129.16:32526": ok, "169.254.169.254:80": ok})
	ctx := t.Context()
	_, err := c.wire.Versions(ctx, fabric.Raw())
	assert.NilError(t, err)
	_, _, err = c.wire.GoalState(ctx)
	assert.NilError(t, err)
	_, err = c.wire.Document(ctx, "http://168.63.129.16:80/machine/c1/i1?comp=config&type=sharedConfig&incarnation=3")
	assert.NilError(t, err)
	_, err = c.wire.Sealed(ctx, "http://168.63.129.16:80/machine/c1/i1?comp=certificates&incarnation=3", "MIID", wireserver.CipherAES)
	assert.NilError(t, err)
	for _, h := range []fabric.Health{fabric.Starting, fabric.Ready, fabric.Failed("a <b> & \"c\"")} {
		assert.NilError(t, c.wire.ReportHealth(ctx, h, nil))
	}
	assert.NilError(t, c.wire.ReportFingerprint(ctx, "SHA256:abc"))
	assert.NilError(t, c.wire.Telemetry(ctx, []byte("<TelemetryData/>")))
	assert.NilError(t, c.wire.Observe(ctx, wireserver.Observation{Name: wireserver.ObserveIMDS, IsHealthy: true}))
	assert.NilError(t, c.host.Versions(ctx))
	assert.NilError(t, c.host.Health(ctx))
	_, tag, err := c.host.VMSettings(ctx, "41")
	assert.NilError(t, err)
	assert.Equal(t, tag, "42")
	assert.NilError(t, c.host.Artifact(ctx, fabric.Artifact{URI: "https://s/p.zip?sig=x", ManifestURI: "https://s/m", Verify: true}, func(io.Reader) error { return nil }))
	assert.NilError(t, c.host.PutStatus(ctx, []byte("{}"), fabric.Retry{}))
	assert.NilError(t, c.host.PutLog(ctx, []byte("PK")))
	_, err = c.imds.Compute(ctx, fabric.Raw())
	assert.NilError(t, err)
	assert.NilError(t, c.imds.Health(ctx))
	_, err = c.imds.SecurityType(ctx)
	assert.NilError(t, err)
	golden.Assert(t, c.rec.text(), "requests.golden")
}

func TestHealthIsReportedAsSoonAsTheFabricIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := new(Script)
		back := time.Now().Add(90 * time.Minute)
		s.On("GET /machine/?comp=goalstate", Code(500, ""), Say(goalStateDoc)).On("POST /machine?comp=health", Code(503, ""), Say(""))
		c := newClients(nil)
		c.rec.next = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if time.Now().Before(back) {
				return Net{}.Dial(ctx, network, addr)
			}
			return Net{"168.63.129.16:80": s}.Dial(ctx, network, addr)
		}
		var out bytes.Buffer
		once := fabric.OncePerCause(slog.New(slog.NewTextHandler(&out, nil)), "Cannot report")
		assert.NilError(t, c.wire.ReportHealth(t.Context(), fabric.Ready, once))
		assert.Assert(t, time.Since(back) < 20*time.Second, time.Since(back))
		assert.Equal(t, strings.Count(out.String(), "refused"), 1)
	})
}

func TestARefusedHealthReportIsFinal(t *testing.T) {
	t.Parallel()
	s := new(Script).On("GET /machine/?comp=goalstate", Say(goalStateDoc)).On("POST /machine?comp=health", Code(400, "bad"))
	c := newClients(Net{"168.63.129.16:80": s})
	assert.ErrorContains(t, c.wire.ReportHealth(t.Context(), fabric.Ready, nil), "bad")
	s.On("POST /machine?comp=health", Code(410, ""), Say(""))
	assert.NilError(t, c.wire.ReportHealth(t.Context(), fabric.Ready, nil))
	assert.Equal(t, s.Count("GET /machine/?comp=goalstate"), 2)
}

func TestALongFailureReasonIsCutBeforeEscaping(t *testing.T) {
	t.Parallel()
	var got string
	s := new(Script).On("GET /machine/?comp=goalstate", Say(goalStateDoc)).On("POST /machine?comp=health", func(w http.ResponseWriter, r *http.Request) {
		var h wireserver.Health
		body, _ := io.ReadAll(r.Body)
		if err := fabric.DecodeXML(body, &h); err == nil {
			got = h.Container.Roles[0].Details.Description
		}
	})
	c := newClients(Net{"168.63.129.16:80": s})
	assert.NilError(t, c.wire.ReportHealth(t.Context(), fabric.Failed(strings.Repeat("&", 5000)), nil))
	assert.Equal(t, got, strings.Repeat("&", 3686))
}

func TestTheFingerprintNeeds202(t *testing.T) {
	t.Parallel()
	s := new(Script).On("GET /machine/?comp=goalstate", Say(goalStateDoc)).On("POST /machine?comp=roleProperties", Say(""))
	err := newClients(Net{"168.63.129.16:80": s}).wire.ReportFingerprint(t.Context(), "x")
	assert.ErrorContains(t, err, "HTTP 200")
}

func TestVersionsMustOfferOurs(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"<Versions><Preferred><Version>2012-11-30</Version></Preferred></Versions>":                                    "",
		"\xef\xbb\xbf<?xml version=\"1.0\"?><Versions><Supported><Version>2012-11-30</Version></Supported></Versions>": "",
		"<Versions><Preferred><Version>2020-01-01</Version></Preferred></Versions>":                                    "does not speak",
		"not XML": "read versions",
	} {
		c := newClients(Net{"168.63.129.16:80": Say(body)})
		_, err := c.wire.Versions(t.Context(), fabric.Raw())
		if want == "" {
			assert.NilError(t, err)
		} else {
			assert.ErrorContains(t, err, want)
		}
	}
}

func TestVMSettingsAnswers(t *testing.T) {
	t.Parallel()
	wire := new(Script).On("GET /machine/?comp=goalstate", Say(goalStateDoc))
	ask := func(answers ...http.HandlerFunc) error {
		c := newClients(Net{"168.63.129.16:80": wire, "168.63.129.16:32526": new(Script).On("GET /vmSettings", answers...)})
		_, _, err := c.host.VMSettings(t.Context(), "")
		return err
	}
	tagged := func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", "1") }
	assert.ErrorIs(t, ask(Code(304, "")), fabric.ErrNotModified)
	assert.ErrorIs(t, ask(Code(404, "")), fabric.ErrNotFound)
	assert.ErrorContains(t, ask(Say("{}")), "no ETag")
	assert.NilError(t, ask(Code(410, ""), tagged))
	assert.ErrorIs(t, ask(Code(410, "")), fabric.ErrResourceGone)
	assert.Equal(t, fabric.Code(ask(Code(503, ""))), 503)
}

func TestStorageGoesThroughTheProxyAndTheFabricDoesNot(t *testing.T) {
	t.Parallel()
	env := func(name string) string {
		return map[string]string{"http_proxy": "proxy.test:3128", "no_proxy": "internal.test,10.0.0.0/8"}[name]
	}
	var asked []string
	proxy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked = append(asked, r.Method+" "+r.RequestURI) })
	h := &fabric.HTTP{Dial: Net{"proxy.test:3128": proxy, "10.1.1.1:80": Say("direct"), "a.internal.test:80": Say("direct")}.Dial, Proxy: fabric.NewProxy("", 0, env)}
	get := func(url string, proxied bool) string {
		r, err := h.Do(t.Context(), fabric.Request{Method: "GET", URL: url, Proxied: proxied}, fabric.Raw())
		assert.NilError(t, err)
		return string(r.Body)
	}
	assert.Equal(t, get("http://s.test/b?x=1", true), "")
	assert.Equal(t, get("http://10.1.1.1/b", true), "direct")
	assert.Equal(t, get("http://a.internal.test/b", true), "direct")
	assert.Equal(t, get("http://10.1.1.1/b", false), "direct")
	assert.DeepEqual(t, asked, []string{"GET http://s.test/b?x=1"})
}

func TestProxySettings(t *testing.T) {
	t.Parallel()
	none := func(string) string { return "" }
	for _, c := range []struct {
		host string
		port int
		env  func(string) string
		url  string
		want string
	}{
		{"p", 8080, none, "https://s.test/", "http://p:8080"},
		{"p", 0, none, "http://s.test/", ""},
		{"", 8080, none, "http://s.test/", ""},
		{"", 0, func(n string) string { return map[string]string{"HTTPS_PROXY": "http://u:p@q:1"}[n] }, "https://s.test/", "http://u:xxxxx@q:1"},
		{"", 0, func(n string) string { return map[string]string{"https_proxy": "q"}[n] }, "https://s.test/", ""},
		{"p", 8080, func(n string) string { return map[string]string{"NO_PROXY": "*"}[n] }, "http://s.test/", ""},
	} {
		r, err := http.NewRequest("GET", c.url, nil)
		assert.NilError(t, err)
		got := fabric.NewProxy(c.host, c.port, c.env).For(r.URL)
		if c.want == "" {
			assert.Assert(t, got == nil, "%v", got)
			continue
		}
		assert.Equal(t, got.Redacted(), c.want)
	}
}

func TestHTTPSAsksTheProxyForATunnel(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	dial := func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			r, err := http.ReadRequest(bufio.NewReader(server))
			if err == nil {
				got <- r.Method + " " + r.RequestURI + " " + r.Header.Get("Proxy-Authorization")
				_, _ = io.WriteString(server, "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")
			}
		}()
		return client, nil
	}
	h := &fabric.HTTP{Dial: dial, Proxy: fabric.NewProxy("", 0, func(n string) string {
		return map[string]string{"https_proxy": "http://u:p@q:1"}[n]
	})}
	_, err := h.Do(t.Context(), fabric.Request{Method: "GET", URL: "https://s.test/b", Proxied: true}, fabric.Raw())
	assert.ErrorContains(t, err, "407")
	assert.Equal(t, <-got, "CONNECT s.test:443 Basic dTpw")
}

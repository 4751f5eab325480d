package fabric

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Proxy is how storage is reached. The zero value is no proxy.
type Proxy struct {
	http, https *url.URL
	except      []string
}

// NewProxy takes the configured host and port, or, without both, the environment's http_proxy, https_proxy and
// no_proxy (lower case first). A proxy without a host or a port is no proxy.
func NewProxy(host string, port int, env func(string) string) Proxy {
	if host != "" && host != "None" && port > 0 {
		u := &url.URL{Scheme: "http", Host: net.JoinHostPort(host, strconv.Itoa(port))}
		return Proxy{http: u, https: u, except: exceptions(env)}
	}
	return Proxy{http: fromEnv(env, "http_proxy"), https: fromEnv(env, "https_proxy"), except: exceptions(env)}
}

func either(env func(string) string, name string) string {
	if v := env(name); v != "" {
		return v
	}
	return env(strings.ToUpper(name))
}

func fromEnv(env func(string) string, name string) *url.URL {
	value := either(env, name)
	if value != "" && !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" || u.Port() == "" {
		return nil
	}
	return u
}

func exceptions(env func(string) string) []string {
	var list []string
	for entry := range strings.SplitSeq(either(env, "no_proxy"), ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			list = append(list, entry)
		}
	}
	return list
}

// For is the proxy that leads to u, or nil.
func (p Proxy) For(u *url.URL) *url.URL {
	proxy := p.http
	if u.Scheme == "https" {
		proxy = p.https
	}
	if proxy == nil || p.excepted(u.Hostname()) {
		return nil
	}
	return proxy
}

func (p Proxy) excepted(host string) bool {
	addr, err := netip.ParseAddr(host)
	for _, entry := range p.except {
		if err != nil {
			if entry == "*" || strings.HasSuffix(strings.ToLower(host), strings.ToLower(strings.TrimPrefix(entry, "*"))) {
				return true
			}
			continue
		}
		if entry == "*" || entry == host {
			return true
		}
		if prefix, err := netip.ParsePrefix(entry); err == nil && prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// tunnel asks proxy to connect conn to addr.
func tunnel(ctx context.Context, conn net.Conn, proxy *url.URL, addr string) error {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: http.Header{}}
	authorize(req.Header, proxy)
	if err := req.Write(conn); err != nil {
		return fmt.Errorf("ask proxy %s for %s: %w", proxy.Host, addr, err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return fmt.Errorf("ask proxy %s for %s: %w", proxy.Host, addr, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("proxy %s refuses a connection to %s: %s", proxy.Host, addr, resp.Status)
	}
	return nil
}

func authorize(h http.Header, proxy *url.URL) {
	if proxy.User == nil {
		return
	}
	password, _ := proxy.User.Password()
	token := base64.StdEncoding.EncodeToString([]byte(proxy.User.Username() + ":" + password))
	h["Proxy-Authorization"] = []string{"Basic " + token}
}

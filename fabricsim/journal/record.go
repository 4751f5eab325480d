package journal

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/waagent-go/waagent/agent/protocol/redact"
)

// Pending is the entry of a request that is being answered. Handlers find it with Of and add what they know.
type Pending struct {
	mu sync.Mutex
	e  Entry
}

type pendingKey struct{}

// Of finds the entry of the request whose context this is; outside Record it is one that nobody reads.
func Of(ctx context.Context) *Pending {
	if p, ok := ctx.Value(pendingKey{}).(*Pending); ok {
		return p
	}
	return &Pending{}
}

// Route names the route that answers.
func (p *Pending) Route(name string) { p.set(func(e *Entry) { e.Route = name }) }

// Note adds a remark.
func (p *Pending) Note(note string) {
	p.set(func(e *Entry) {
		if e.Note != "" {
			e.Note += "; "
		}
		e.Note += note
	})
}

// Reject marks the request as one that Azure would have rejected, and says why.
func (p *Pending) Reject(why string) {
	p.set(func(e *Entry) { e.ClientError = true })
	p.Note(why)
}

// Fault says which playbook step spoils the answer.
func (p *Pending) Fault(step string) { p.set(func(e *Entry) { e.Fault = step }) }

func (p *Pending) set(f func(*Entry)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.e)
}

// Record answers with next and appends an entry for each request, those that next panics on included. Who says which
// VM asks, "" if none is known.
func (j *Journal) Record(surface string, who func(*http.Request) string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		p := &Pending{e: Entry{
			Time: start, VM: who(r), Surface: surface, Method: r.Method, URL: redact.SAS(requestURL(r)), From: r.RemoteAddr,
			Header: telling(r.Header),
		}}
		body := &countingBody{ReadCloser: r.Body}
		r = r.WithContext(context.WithValue(r.Context(), pendingKey{}, p))
		r.Body = body
		answer := &answer{ResponseWriter: w}
		defer func() {
			p.mu.Lock()
			e := p.e
			p.mu.Unlock()
			e.Size, e.Status, e.Length, e.Took = body.n, answer.status, answer.n, time.Since(start)
			j.Append(e)
		}()
		next.ServeHTTP(answer, r)
		if answer.status == 0 && !answer.hijacked {
			answer.status = http.StatusOK // what net/http sends for a handler that says nothing
		}
	})
}

// requestURL is the URL as the client asked for it, for whichever host.
func requestURL(r *http.Request) string {
	if r.URL.IsAbs() || r.Host == "" {
		return r.URL.String()
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return scheme + r.Host + r.URL.RequestURI()
}

// telling picks the headers that tests ask about. The transport certificate is long and of no interest.
func telling(h http.Header) map[string]string {
	out := map[string]string{}
	for name, values := range h {
		lower := strings.ToLower(name)
		switch {
		case lower == "x-ms-guest-agent-public-x509-cert":
			out[lower] = "(certificate)"
		case strings.HasPrefix(lower, "x-ms-"), lower == "metadata", lower == "user-agent", lower == "content-type",
			lower == "if-none-match", lower == "range":
			out[lower] = redact.SAS(strings.Join(values, ", "))
		}
	}
	return out
}

type countingBody struct {
	io.ReadCloser
	n int64
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	return n, err
}

// answer notes what is answered.
type answer struct {
	http.ResponseWriter
	status   int
	n        int64
	hijacked bool
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(p)
	a.n += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the real one.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Hijacked tells a's entry that the connection was taken over after the given status and bytes went out.
func Hijacked(w http.ResponseWriter, status int, n int64) {
	if a, ok := w.(*answer); ok {
		a.hijacked, a.status, a.n = true, status, n
	}
}

// SourceIP is the address a request came from, without its port.
func SourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

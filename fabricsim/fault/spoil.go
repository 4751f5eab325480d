package fault

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/waagent-go/waagent/fabricsim/journal"
)

// ErrorBody makes the body in which a surface tells an error; code may be "".
type ErrorBody func(status int, code string) (contentType string, body []byte)

type stepKey struct{}

// Of is the step that spoils the request of this context, for handlers to act on Stale and Certificate. It is the
// zero Step when none does.
func Of(ctx context.Context) Step {
	if s, ok := ctx.Value(stepKey{}).(*Step); ok {
		return *s
	}
	return Step{}
}

// Serve answers with next, unless a step spoils the answer. It must stand directly inside journal.Record.
func (p *Playbook) Serve(w http.ResponseWriter, r *http.Request, route, vm string, body ErrorBody, next http.Handler) {
	s := p.Take(route, vm, r.Method)
	if s == nil {
		next.ServeHTTP(w, r)
		return
	}
	journal.Of(r.Context()).Fault(s.String())
	r = r.WithContext(context.WithValue(r.Context(), stepKey{}, s))
	if !pause(r.Context(), time.Duration(s.Delay)) {
		panic(http.ErrAbortHandler) // the client has gone
	}
	if s.Refuse {
		Refuse(w)
		return
	}
	for name, value := range s.Header {
		w.Header().Set(name, value)
	}
	if !s.takesOver() {
		next.ServeHTTP(w, r)
		return
	}
	rec := &recorder{header: w.Header(), status: http.StatusOK}
	switch {
	case s.Status != 0:
		contentType, text := body(s.Status, s.Code)
		rec.header.Set("Content-Type", contentType)
		rec.status, rec.body = s.Status, text
	default:
		next.ServeHTTP(rec, r)
	}
	if s.Body != "" {
		rec.body = []byte(s.Body)
	}
	s.send(r.Context(), w, rec)
}

// takesOver reports whether the answer must be held back to be changed.
func (s *Step) takesOver() bool {
	return s.Status != 0 || s.Body != "" || s.Truncate != "" || s.Reset || s.WrongLength != 0 || s.Garbage || s.Drip != 0
}

func (s *Step) send(ctx context.Context, w http.ResponseWriter, rec *recorder) {
	if s.Garbage {
		rec.body = []byte(strings.Repeat("\x80<{\x00]", len(rec.body)/5+1))[:max(len(rec.body), 5)]
	}
	keep, err := cut(s.Truncate, len(rec.body))
	if err != nil || s.Reset {
		keep = len(rec.body) / 2
	}
	rec.header.Set("Content-Length", strconv.Itoa(len(rec.body)+s.WrongLength))
	if keep == len(rec.body) && s.WrongLength == 0 && s.Drip == 0 {
		w.WriteHeader(rec.status)
		w.Write(rec.body) //nolint:errcheck // the client may have gone
		return
	}
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	sent := s.write(ctx, conn, buf.Writer, rec, rec.body[:keep])
	journal.Hijacked(w, rec.status, int64(sent))
	if s.Reset {
		abort(conn)
	}
}

// write writes the answer to a connection that was taken over, dripping if asked, and returns how much body it wrote.
func (s *Step) write(ctx context.Context, conn net.Conn, w *bufio.Writer, rec *recorder, body []byte) int {
	conn.SetDeadline(time.Time{}) //nolint:errcheck // a server without time-outs set none
	fmt.Fprintf(w, "HTTP/1.1 %d %s\r\nConnection: close\r\n", rec.status, http.StatusText(rec.status))
	rec.header.Write(w) //nolint:errcheck // the error stays with w
	w.WriteString("\r\n")
	sent := 0
	for len(body) > 0 {
		n := len(body)
		if s.Drip > 0 {
			n = min(n, 64)
		}
		w.Write(body[:n])
		if w.Flush() != nil || s.Drip > 0 && !pause(ctx, time.Duration(s.Drip)) {
			return sent
		}
		sent, body = sent+n, body[n:]
	}
	w.Flush()
	return sent
}

// Refuse ends a connection without any answer, by a reset where there is TCP.
func Refuse(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	journal.Hijacked(w, 0, 0)
	abort(conn)
	conn.Close()
}

// abort makes closing conn a reset.
func abort(conn net.Conn) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if t, ok := conn.(interface{ SetLinger(sec int) error }); ok {
		t.SetLinger(0) //nolint:errcheck // then it is an ordinary close
	}
	conn.Close()
}

func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// cut turns a Truncate into how many of total bytes are kept.
func cut(truncate string, total int) (int, error) {
	switch {
	case truncate == "":
		return total, nil
	case truncate == "half":
		return total / 2, nil
	}
	number, percent := strings.CutSuffix(truncate, "%")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("truncate %q is neither a number of bytes, nor N%%, nor half", truncate)
	}
	if percent {
		n = total * min(n, 100) / 100
	}
	return min(n, total), nil
}

// recorder holds an answer back.
type recorder struct {
	header http.Header
	status int
	wrote  bool
	body   []byte
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if !r.wrote {
		r.status, r.wrote = status, true
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.wrote = true
	r.body = append(r.body, p...)
	return len(p), nil
}

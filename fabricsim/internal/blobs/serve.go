package blobs

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/waagent-go/waagent/fabricsim/journal"
)

// maxBody bounds what one request may bring: a page write is at most 4 MiB, a block blob at most 64.
const maxBody = 64 << 20

// failure is an answer of the service that is no success.
type failure struct {
	status        int
	code, message string
}

func fail(status int, code, message string) *failure { return &failure{status, code, message} }

// ErrorBody is how storage tells an error.
func ErrorBody(status int, code string) (string, []byte) {
	if code == "" {
		code = map[int]string{403: "AuthenticationFailed", 404: "BlobNotFound", 500: "InternalError", 503: "ServerBusy"}[status]
	}
	if code == "" {
		code = strings.ReplaceAll(http.StatusText(status), " ", "")
	}
	return "application/xml", errorXML(code, http.StatusText(status))
}

func errorXML(code, message string) []byte {
	var b bytes.Buffer
	b.WriteString("\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>" + code + "</Code><Message>")
	xml.EscapeText(&b, []byte(message)) //nolint:errcheck // a Buffer never fails
	b.WriteString("\nRequestId:00000000-0000-0000-0000-000000000000</Message></Error>")
	return b.Bytes()
}

// Operation names what a request asks for; journals and playbooks know it by this name.
func Operation(r *http.Request) string {
	comp := r.URL.Query().Get("comp")
	switch {
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return "blob.get"
	case r.Method == http.MethodDelete:
		return "blob.delete"
	case r.Method == http.MethodPut && comp == "":
		return "blob.put"
	case r.Method == http.MethodPut:
		return "blob." + comp
	}
	return "blob.unknown"
}

// ServeHTTP answers as blob storage does.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	account, path := s.Name(r)
	h := w.Header()
	h.Set("Server", "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0")
	h.Set("x-ms-request-id", "00000000-0000-0000-0000-000000000000")
	h.Set("x-ms-version", "2014-02-14")
	var f *failure
	switch Operation(r) {
	case "blob.get":
		f = s.get(w, r, account, path)
	case "blob.delete":
		if f = s.authorize(account, path, r.URL.Query(), "d"); f == nil {
			s.Delete(account, path)
			w.WriteHeader(http.StatusAccepted)
		}
	case "blob.put", "blob.page", "blob.block", "blob.blocklist", "blob.appendblock":
		f = s.write(w, r, account, path)
	default:
		f = fail(400, "UnsupportedHttpVerb", "The resource doesn't support the specified Http Verb or comp.")
	}
	if f != nil {
		if f.status == http.StatusNotFound && s.promised(account, path) {
			journal.Of(r.Context()).Note(f.code)
		} else {
			journal.Of(r.Context()).Reject(f.code)
		}
		h.Set("Content-Type", "application/xml")
		h.Set("x-ms-error-code", f.code)
		w.WriteHeader(f.status)
		if r.Method != http.MethodHead {
			w.Write(errorXML(f.code, f.message)) //nolint:errcheck // the client may have gone
		}
	}
}

// Name finds out which blob a request is about. Account and path are in the host name and path, or both in the path.
func (s *Store) Name(r *http.Request) (account, path string) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return s.split(host, r.URL.Path)
}

func (s *Store) split(host, path string) (account, rest string) {
	path = strings.TrimPrefix(path, "/")
	if strings.Contains(s.base, "{account}") {
		account, _, _ = strings.Cut(host, ".")
		if account != "" && s.host(account) == host {
			return account, path
		}
	}
	account, rest, _ = strings.Cut(path, "/")
	return account, rest
}

func (s *Store) get(w http.ResponseWriter, r *http.Request, account, path string) *failure {
	b, found := s.Get(account, path)
	if !found || !b.Public {
		if f := s.authorize(account, path, r.URL.Query(), "r"); f != nil {
			return f
		}
	}
	if !found {
		return fail(404, "BlobNotFound", "The specified blob does not exist.")
	}
	if x := r.Header.Get("x-ms-range"); x != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Range", x)
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("ETag", fmt.Sprintf(`"0x%X"`, b.Version))
	h.Set("x-ms-blob-type", string(b.Kind))
	answer := &ranged{ResponseWriter: w}
	http.ServeContent(answer, r, "", b.Modified, bytes.NewReader(b.Data))
	if answer.refused {
		h.Del("X-Content-Type-Options")
		return fail(416, "InvalidRange", "The range specified is invalid for the current size of the resource.")
	}
	return nil
}

// ranged holds back net/http's own refusal of a range: storage has words of its own for it.
type ranged struct {
	http.ResponseWriter
	refused bool
}

func (a *ranged) WriteHeader(status int) {
	if a.refused = status == http.StatusRequestedRangeNotSatisfiable; !a.refused {
		a.ResponseWriter.WriteHeader(status)
	}
}

func (a *ranged) Write(p []byte) (int, error) {
	if a.refused {
		return len(p), nil
	}
	return a.ResponseWriter.Write(p)
}

// Do answers a request to this storage in process, as HostGAPlugin makes it for a VM.
func (s *Store) Do(r *http.Request) (status int, header http.Header, body []byte) {
	w := &memory{header: http.Header{}, status: http.StatusOK}
	s.ServeHTTP(w, r)
	return w.status, w.header, w.body.Bytes()
}

type memory struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func (m *memory) Header() http.Header { return m.header }

func (m *memory) WriteHeader(status int) {
	if !m.wrote {
		m.status, m.wrote = status, true
	}
}

func (m *memory) Write(p []byte) (int, error) { m.wrote = true; return m.body.Write(p) }

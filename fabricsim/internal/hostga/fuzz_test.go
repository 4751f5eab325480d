package hostga

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	protocol "github.com/waagent-go/waagent/agent/protocol/hostga"
	"github.com/waagent-go/waagent/fabricsim/internal/blobs"
	"github.com/waagent-go/waagent/fabricsim/internal/world"
)

func server() *Server {
	w := world.New()
	w.Blobs = blobs.NewStore("https://{account}.blob.test", []byte("key"), time.Now, func(context.Context, blobs.Blob) {})
	return &Server{World: w}
}

// FuzzUpload reads bodies of PUT /status. Whatever is accepted goes to this fabric's storage, whole.
func FuzzUpload(f *testing.F) {
	s := server()
	own := s.World.Blobs.SignedURL("status", "a/b", "rw", blobs.Forever())
	f.Add([]byte(`{"requestUri":"` + own + `","headers":[{"headerName":"x-ms-blob-type","headerValue":"BlockBlob"},{"headerName":"Content-Length","headerValue":"3"}],"content":"YWJj"}`))
	f.Add([]byte(`{"requestUri":"https://elsewhere.test/b","headers":[{"headerName":"a b","headerValue":"\n"}]}`))
	f.Add([]byte(`{"requestUri":"` + own + `","headers":[],"content":"="}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := s.upload(httptest.NewRequest(http.MethodPut, "/status", nil), body)
		if err != nil {
			return
		}
		assert.Equal(t, r.Method, http.MethodPut)
		assert.Assert(t, s.World.Blobs.Owns(r.URL))
		assert.Assert(t, ViaHost(r.Context()))
		content, err := io.ReadAll(r.Body)
		assert.NilError(t, err)
		assert.Equal(t, r.ContentLength, int64(len(content)))
		assert.Assert(t, len(content) <= len(body))
		status, _, _ := s.World.Blobs.Do(r)
		assert.Assert(t, status >= 200 && status < 500, "%d", status)
	})
}

// FuzzArtifact asks for artifacts at any address. Only this fabric's storage is asked, and a refusal has the plugin's form.
func FuzzArtifact(f *testing.F) {
	s := server()
	s.World.Blobs.Put("status", "a/b", []byte("content"), false)
	own := s.World.Blobs.SignedURL("status", "a/b", "r", blobs.Forever())
	for _, location := range []string{own, "", "http://", "https://elsewhere.test/b?sig=a", "//h/../%zz", own + "&comp=list"} {
		f.Add(location)
	}
	f.Fuzz(func(t *testing.T, location string) {
		r := httptest.NewRequest(http.MethodGet, "/extensionArtifact", nil)
		r.Header.Set(protocol.HeaderArtifactLocation, location)
		inner, err := s.inner(r, http.MethodGet, r.Header.Get(protocol.HeaderArtifactLocation), nil)
		if err != nil {
			return
		}
		assert.Assert(t, s.World.Blobs.Owns(inner.URL))
		status, _, body := s.World.Blobs.Do(inner)
		assert.Assert(t, status >= 200 && status < 500, "%d %s", status, body)
	})
}

package blobs

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func now() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

func newStore(t *testing.T) (*Store, *[]Blob) {
	t.Helper()
	var written []Blob
	s := NewStore("https://{account}.blob.test", []byte("key"), now, func(_ context.Context, b Blob) { written = append(written, b) })
	return s, &written
}

// ask makes a request with header lines "name: value".
func ask(s *Store, method, uri, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, uri, strings.NewReader(body))
	r.Header.Set("x-ms-version", "2014-02-14")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestSignaturesAreChecked(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	s.Put("a", "c/public", []byte("open"), true)
	s.Put("a", "c/private", []byte("closed"), false)
	later := now().Add(time.Hour)
	with := func(edit func(url.Values)) string {
		u, err := url.Parse(s.SignedURL("a", "c/private", "r", later))
		assert.NilError(t, err)
		q := u.Query()
		edit(q)
		u.RawQuery = q.Encode()
		return u.String()
	}
	for _, tc := range []struct {
		name, uri string
		want      int
		code      string
	}{
		{"a public blob needs none", s.URL("a", "c/public"), 200, ""},
		{"a good one", s.SignedURL("a", "c/private", "r", later), 200, ""},
		{"good until the year 9999", s.SignedURL("a", "c/private", "rw", Forever()), 200, ""},
		{"none", s.URL("a", "c/private"), 404, "ResourceNotFound"},
		{"an expired one", s.SignedURL("a", "c/private", "r", now()), 403, "AuthenticationFailed"},
		{"the wrong permission", s.SignedURL("a", "c/private", "w", later), 403, "AuthorizationPermissionMismatch"},
		{"of another blob", strings.Replace(s.SignedURL("a", "c/other", "r", later), "other", "private", 1), 403, "AuthenticationFailed"},
		{"of another account", strings.Replace(s.SignedURL("b", "c/private", "r", later), "//b.", "//a.", 1), 403, "AuthenticationFailed"},
		{"a changed permission", with(func(q url.Values) { q.Set("sp", "rw") }), 403, "AuthenticationFailed"},
		{"a changed expiry", with(func(q url.Values) { q.Set("se", "9999-01-01T00:00:00Z") }), 403, "AuthenticationFailed"},
		{"no version", with(func(q url.Values) { q.Del("sv") }), 403, "AuthenticationFailed"},
		{"more in the query", with(func(q url.Values) { q.Set("comp", "x") }), 200, ""},
		{"a blob that is not there", s.SignedURL("a", "c/none", "r", later), 404, "BlobNotFound"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := ask(s, "GET", tc.uri, "")
			assert.Equal(t, w.Code, tc.want, w.Body.String())
			assert.Equal(t, w.Header().Get("x-ms-error-code"), tc.code)
			if tc.code != "" {
				assert.Assert(t, strings.Contains(w.Body.String(), "<Code>"+tc.code+"</Code>"), w.Body.String())
			}
		})
	}
}

func TestWhatStorageRefuses(t *testing.T) {
	t.Parallel()
	s, written := newStore(t)
	uri := s.SignedURL("a", "c/x", "rw", Forever())
	page := func() {
		w := ask(s, "PUT", uri, "", "x-ms-blob-type: PageBlob", "x-ms-blob-content-length: 1024")
		assert.Equal(t, w.Code, 201, w.Body.String())
	}
	for _, tc := range []struct {
		name    string
		query   string
		body    string
		headers []string
		want    int
		code    string
	}{
		{"no type", "", "", nil, 400, "MissingRequiredHeader"},
		{"a strange type", "", "", []string{"x-ms-blob-type: CubeBlob"}, 400, "InvalidHeaderValue"},
		{"a strange version", "", "", []string{"x-ms-blob-type: BlockBlob", "x-ms-version: new"}, 400, "InvalidHeaderValue"},
		{"a page blob of half a page", "", "", []string{"x-ms-blob-type: PageBlob", "x-ms-blob-content-length: 256"}, 400, "InvalidHeaderValue"},
		{"a page blob with content", "", "x", []string{"x-ms-blob-type: PageBlob", "x-ms-blob-content-length: 512"}, 400, "InvalidHeaderValue"},
		{"a page without a range", "&comp=page", strings.Repeat("x", 512), []string{"x-ms-page-write: update"}, 416, "InvalidPageRange"},
		{"half a page", "&comp=page", strings.Repeat("x", 256), []string{"x-ms-page-write: update", "x-ms-range: bytes=0-255"}, 416, "InvalidPageRange"},
		{"pages behind the end", "&comp=page", strings.Repeat("x", 512), []string{"x-ms-page-write: update", "x-ms-range: bytes=1024-1535"}, 416, "InvalidPageRange"},
		{"less than the range", "&comp=page", strings.Repeat("x", 100), []string{"x-ms-page-write: update", "x-ms-range: bytes=0-511"}, 400, "InvalidHeaderValue"},
		{"neither update nor clear", "&comp=page", strings.Repeat("x", 512), []string{"x-ms-range: bytes=0-511"}, 400, "InvalidHeaderValue"},
		{"an append to pages", "&comp=appendblock", "x", nil, 409, "InvalidBlobType"},
		{"a block without id", "&comp=block", "x", nil, 400, "InvalidQueryParameterValue"},
		{"a list of no blocks", "&comp=blocklist", "<BlockList><Latest>AAAA</Latest></BlockList>", nil, 400, "InvalidBlockList"},
		{"a list that is no XML", "&comp=blocklist", "x", nil, 400, "InvalidXmlDocument"},
		{"something unknown", "&comp=dance", "", nil, 400, "UnsupportedHttpVerb"},
	} {
		t.Run(tc.name, func(t *testing.T) { // in their order: they share a blob
			page()
			w := ask(s, "PUT", uri+tc.query, tc.body, tc.headers...)
			assert.Equal(t, w.Code, tc.want, w.Body.String())
			assert.Equal(t, w.Header().Get("x-ms-error-code"), tc.code)
		})
	}
	assert.Equal(t, len(*written), 0)
}

func TestPagesAreWrittenInParts(t *testing.T) {
	t.Parallel()
	s, written := newStore(t)
	uri := s.SignedURL("a", "c/x", "rw", Forever())
	assert.Equal(t, ask(s, "PUT", uri, "", "x-ms-blob-type: PageBlob", "x-ms-blob-content-length: 1536").Code, 201)
	for i, c := range []string{"a", "b"} {
		w := ask(s, "PUT", uri+"&comp=page", strings.Repeat(c, 512), "x-ms-page-write: update", fmt.Sprintf("x-ms-range: bytes=%d-%d", i*512, i*512+511))
		assert.Equal(t, w.Code, 201, w.Body.String())
	}
	assert.Equal(t, ask(s, "PUT", uri+"&comp=page", "", "x-ms-page-write: clear", "x-ms-range: bytes=0-511").Code, 201)
	b, _ := s.Get("a", "c/x")
	assert.Equal(t, string(b.Data), strings.Repeat("\x00", 512)+strings.Repeat("b", 512)+strings.Repeat("\x00", 512))
	assert.Equal(t, len(*written), 3)
	assert.Equal(t, string((*written)[0].Data[:1]), "a", "a snapshot does not change afterwards")
}

func TestBlocksAndAppends(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	uri := s.SignedURL("a", "c/blocks", "rwa", Forever())
	list := "<?xml version='1.0'?><BlockList>"
	for _, part := range []string{"one ", "two"} {
		id := base64.StdEncoding.EncodeToString([]byte(part))
		assert.Equal(t, ask(s, "PUT", uri+"&comp=block&blockid="+url.QueryEscape(id), part).Code, 201)
		list += "<Latest>" + id + "</Latest>"
	}
	_, found := s.Get("a", "c/blocks")
	assert.Assert(t, !found, "uncommitted blocks are no blob")
	assert.Equal(t, ask(s, "PUT", uri+"&comp=blocklist", list+"</BlockList>").Code, 201)
	assert.Equal(t, ask(s, "GET", uri, "").Body.String(), "one two")
	w := ask(s, "GET", uri, "", "x-ms-range: bytes=4-6")
	assert.Equal(t, w.Code, 206)
	assert.Equal(t, w.Body.String(), "two")

	uri = s.SignedURL("a", "c/log", "rwa", Forever())
	assert.Equal(t, ask(s, "PUT", uri, "", "x-ms-blob-type: AppendBlob").Code, 201)
	assert.Equal(t, ask(s, "PUT", uri+"&comp=appendblock", "x").Code, 201)
	assert.Equal(t, ask(s, "PUT", uri+"&comp=appendblock", "y").Code, 201)
	assert.Equal(t, ask(s, "GET", uri, "").Body.String(), "xy")
}

func TestAHostThatIsAllAccountsHasThemInThePath(t *testing.T) {
	t.Parallel()
	s := NewStore("http://127.0.0.1:8080/", []byte("key"), now, nil)
	s.Put("a", "c/x", []byte("data"), false)
	uri := s.SignedURL("a", "c/x", "r", Forever())
	assert.Assert(t, strings.HasPrefix(uri, "http://127.0.0.1:8080/a/c/x?sv="), uri)
	assert.Equal(t, ask(s, http.MethodGet, uri, "").Body.String(), "data")
	for text, want := range map[string]bool{uri: true, "http://10.0.0.1/a/c/x": false} {
		u, err := url.Parse(text)
		assert.NilError(t, err)
		assert.Equal(t, s.Owns(u), want)
	}
}

func TestOnlyItsOwnNamesAreTheStores(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	for text, want := range map[string]bool{
		"https://any.blob.test/c/x": true, "https://any.blob.test:443/c": true, "https://blob.test/": false,
		"https://any.blob.test.evil/c": false, "http://169.254.169.254/metadata": false, "https://a.b.blob.test/": false,
	} {
		u, err := url.Parse(text)
		assert.NilError(t, err)
		assert.Equal(t, s.Owns(u), want, text)
	}
}

func TestAPromisedBlobIsNotThereYet(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	s.Promise("a", "c/x")
	assert.Equal(t, ask(s, "GET", s.URL("a", "c/x"), "").Code, 404)
	assert.Equal(t, len(s.List()), 0)
	s.Put("a", "c/x", nil, true)
	assert.Equal(t, ask(s, "GET", s.URL("a", "c/x"), "").Code, 200)
	s.Delete("a", "c/x")
	assert.Equal(t, len(s.List()), 0)
}

package blobs

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// FuzzBlockList commits foreign block lists. What is accepted consists of blocks that were put, and nothing else.
func FuzzBlockList(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0" encoding="utf-8"?><BlockList><Latest>YQ==</Latest><Uncommitted>Yg==</Uncommitted></BlockList>`))
	f.Add([]byte(`<BlockList><Latest>Yw==</Latest></BlockList>`))
	f.Add([]byte(`<BlockList/>`))
	f.Add([]byte(`<BlockList><Latest>`))
	f.Fuzz(func(t *testing.T, list []byte) {
		s := NewStore("https://{account}.blob.test", []byte("key"), now, func(context.Context, Blob) {})
		b := s.create("a", "c/b", Block)
		b.blocks = map[string][]byte{"YQ==": []byte("one"), "Yg==": []byte("two")}
		if s.commit(b, list) != nil {
			return
		}
		assert.Equal(t, strings.NewReplacer("one", "", "two", "").Replace(string(b.Data)), "")
		assert.Assert(t, b.blocks == nil)
	})
}

// FuzzRequests writes blobs with foreign queries and headers. Storage answers each, with a status of its own.
func FuzzRequests(f *testing.F) {
	for _, r := range [][4]string{
		{"", "BlockBlob", "", "text"}, {"", "PageBlob", "1024", ""}, {"comp=page", "", "bytes=0-511", strings.Repeat("a", 512)},
		{"comp=block&blockid=YQ==", "", "", "a"}, {"comp=blocklist", "", "", "<BlockList/>"}, {"comp=appendblock", "", "", "a"},
		{"", "AppendBlob", "", ""}, {"comp=page", "update", "bytes=512-1-0", "x"},
	} {
		f.Add(r[0], r[1], r[2], r[3])
	}
	f.Fuzz(func(t *testing.T, query, kind, span, body string) {
		s := NewStore("https://{account}.blob.test", []byte("key"), now, func(context.Context, Blob) {})
		s.PutPage("a", "c/b", make([]byte, 1024))
		own := httptest.NewRequest(http.MethodPut, s.SignedURL("a", "c/b", "rwac", Forever()), strings.NewReader(body))
		own.URL.RawQuery += "&" + query
		for name, value := range map[string]string{
			"x-ms-version": "2014-02-14", "x-ms-blob-type": kind, "x-ms-page-write": kind, "x-ms-range": span,
			"x-ms-blob-content-length": span,
		} {
			own.Header.Set(name, value)
		}
		status, _, answer := s.Do(own)
		assert.Assert(t, status >= 200 && status < 500, "%d %s", status, answer)
	})
}

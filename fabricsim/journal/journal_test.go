package journal

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"
)

func TestOldEntriesComeBackFromTheFile(t *testing.T) {
	t.Parallel()
	j, err := New(10, filepath.Join(t.TempDir(), "journal"))
	assert.NilError(t, err)
	for i := range 1000 {
		j.Append(Entry{Note: fmt.Sprint(i + 1)})
	}
	all := j.From(1, 0)
	assert.Equal(t, len(all), 1000)
	for i, e := range all {
		assert.Equal(t, e.N, int64(i+1))
		assert.Equal(t, e.Note, fmt.Sprint(i+1))
	}
	some := j.From(300, 5)
	assert.Equal(t, len(some), 5)
	assert.Equal(t, some[0].N, int64(300))
	across := j.From(985, 0)
	assert.Equal(t, len(across), 16)
	assert.NilError(t, j.Close())
}

func TestWithoutAFileTheOldestEntriesAreGone(t *testing.T) {
	t.Parallel()
	j, err := New(3, "")
	assert.NilError(t, err)
	for range 5 {
		j.Append(Entry{})
	}
	got := j.From(1, 0)
	assert.Equal(t, len(got), 3)
	assert.Equal(t, got[0].N, int64(3))
}

func TestWaitReturnsWithTheNextEntry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, err := New(0, "")
		assert.NilError(t, err)
		time.AfterFunc(time.Hour, func() { j.Append(Entry{Note: "late"}) })
		got := j.Wait(t.Context(), 1, 0)
		assert.Equal(t, got[0].Note, "late")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		assert.Equal(t, len(j.Wait(ctx, 2, 0)), 0)
	})
}

func TestEveryRequestIsRecorded(t *testing.T) {
	t.Parallel()
	j, err := New(0, "")
	assert.NilError(t, err)
	who := func(*http.Request) string { return "vm1" }
	h := j.Record("blobs", who, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Of(r.Context()).Route("get")
		Of(r.Context()).Reject("no such blob")
		http.Error(w, "gone", http.StatusNotFound)
	}))
	r := httptest.NewRequest("GET", "http://a.test/x?sv=1&sig=abc", nil)
	r.Header.Set("x-ms-version", "2014-02-14")
	h.ServeHTTP(httptest.NewRecorder(), r)
	e := j.From(1, 0)[0]
	assert.Equal(t, e.URL, "http://a.test/x?<redacted>")
	assert.Equal(t, e.Status, 404)
	assert.Equal(t, e.Route, "get")
	assert.Equal(t, e.VM, "vm1")
	assert.Equal(t, e.Header["x-ms-version"], "2014-02-14")
	assert.Equal(t, e.Length, int64(5))
	assert.Assert(t, e.ClientError)
	assert.Equal(t, j.ClientErrors(), int64(1))
}

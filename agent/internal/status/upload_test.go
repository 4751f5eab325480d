package status_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/waagent-go/waagent/agent/internal/fabric"
	. "github.com/waagent-go/waagent/agent/internal/fabric/fabrictest"
	"github.com/waagent-go/waagent/agent/internal/status"
	"github.com/waagent-go/waagent/agent/protocol/hostga"
	"github.com/waagent-go/waagent/agent/protocol/secret"
)

var sasURL = secret.New("http://s/vm1.status?sv=1&sig=SECRET")

type site struct {
	status.Uploader
	storage, host, wire *Script
	bodies              []string // of PUT /status
	written             []string // to storage: the request in a line, then its body
}

func upload(t *testing.T, story func(t *testing.T, s *site)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &site{storage: new(Script), host: new(Script), wire: new(Script)}
		s.wire.On("GET /machine/?comp=goalstate", Say(`<GoalState><Incarnation>1</Incarnation><Container><ContainerId>c1</ContainerId><RoleInstanceList><RoleInstance><Configuration><ConfigName>d.1</ConfigName></Configuration></RoleInstance></RoleInstanceList></Container></GoalState>`))
		client := &fabric.HTTP{Dial: Net{"10.0.0.1:80": s.wire, "10.0.0.1:32526": s.host, "s:80": s.storage}.Dial, Version: "3.0.0.0"}
		wire := &fabric.WireServer{HTTP: client, Endpoint: "10.0.0.1", Identity: new(fabric.Identity)}
		s.Uploader = status.Uploader{HTTP: client, Host: &fabric.HostGA{HTTP: client, Wire: wire}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
		s.host.On("PUT /status", func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			s.bodies = append(s.bodies, string(body))
		})
		created := func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			s.written = append(s.written, fmt.Sprintf("%s %d %s %s\n%s", r.Header.Get("X-Ms-Blob-Type"), r.ContentLength, r.Header.Get("X-Ms-Range"), r.Header.Get("X-Ms-Blob-Content-Length"), body))
			w.WriteHeader(http.StatusCreated)
		}
		s.storage.On("PUT /vm1.status?sv=1&sig=SECRET", created).On("PUT /vm1.status?sv=1&sig=SECRET&comp=page", created)
		story(t, s)
	})
}

func TestABlockBlobGoesThroughTheHostInOneRequest(t *testing.T) {
	upload(t, func(t *testing.T, s *site) {
		assert.NilError(t, s.Upload(t.Context(), sasURL, "BlockBlob", []byte(`{"a":1}`)))
		assert.Equal(t, len(s.storage.Seen), 0)
		golden.Assert(t, strings.Join(s.bodies, "\n"), "host-block.golden")
	})
}

func TestAPageBlobThroughTheHostIsFilledUpWithSpaces(t *testing.T) {
	upload(t, func(t *testing.T, s *site) {
		assert.NilError(t, s.Upload(t.Context(), sasURL, "PageBlob", []byte(`{"a":1}`)))
		golden.Assert(t, strings.Join(s.bodies, "\n"), "host-page.golden")
		var second hostga.StatusUpload
		assert.NilError(t, json.Unmarshal([]byte(s.bodies[1]), &second))
		content, err := base64.StdEncoding.DecodeString(*second.Content)
		assert.NilError(t, err)
		assert.Equal(t, string(content), `{"a":1}`+strings.Repeat(" ", 505))
	})
}

func TestWithoutAWorkingHostStorageIsWrittenDirectly(t *testing.T) {
	upload(t, func(t *testing.T, s *site) {
		s.host.On("PUT /status", Code(400, `InvalidContainerConfiguration`))
		assert.NilError(t, s.Upload(t.Context(), sasURL, "BlockBlob", []byte(`{"a":1}`)))
		assert.DeepEqual(t, s.written, []string{"BlockBlob 7  \n{\"a\":1}"})
		s.written, s.Host = nil, nil
		doc := strings.Repeat("x", 4<<20) + "y"
		assert.NilError(t, s.Upload(t.Context(), sasURL, "PageBlob", []byte(doc)))
		assert.Equal(t, s.written[0], "PageBlob 0  4194816\n")
		assert.Equal(t, s.written[1], " 4194304 bytes=0-4194303 \n"+doc[:4<<20])
		assert.Equal(t, s.written[2], " 512 bytes=4194304-4194815 \ny"+strings.Repeat("\x00", 511))
	})
}

// What storage is asked, header by header; all but the date is the same each time.
func TestStorageIsWrittenWithTheseRequests(t *testing.T) {
	upload(t, func(t *testing.T, s *site) {
		var all strings.Builder
		show := func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(&all, "%s %s\nHost: %s\nContent-Length: %d\n", r.Method, r.URL, r.Host, r.ContentLength)
			assert.NilError(t, r.Header.Write(&all))
			fmt.Fprintf(&all, "\n%q\n\n", body)
			w.WriteHeader(http.StatusCreated)
		}
		s.storage.On("PUT /vm1.status?sv=1&sig=SECRET", show).On("PUT /vm1.status?sv=1&sig=SECRET&comp=page", show)
		s.Host = nil
		for _, kind := range []string{"BlockBlob", "PageBlob"} {
			assert.NilError(t, s.Upload(t.Context(), sasURL, kind, []byte(`{"a":1}`)))
		}
		golden.Assert(t, strings.ReplaceAll(all.String(), "\r\n", "\n"), "direct.golden")
	})
}

// A report is late by what the host's attempts take, and with it the next look at what the fabric wants.
func TestAHostThatIsAwayDelaysOnlyTheFirstReport(t *testing.T) {
	upload(t, func(t *testing.T, s *site) {
		s.host.On("PUT /status", Code(502, ""))
		for i, want := range []struct {
			took time.Duration
			host int // times it was asked
		}{{31 * time.Second, 6}, {0, 1}, {0, 1}} {
			start, asked := time.Now(), s.host.Count("PUT /status")
			assert.NilError(t, s.Upload(t.Context(), sasURL, "BlockBlob", []byte("{}")))
			assert.Equal(t, time.Since(start), want.took, "report %d", i+1)
			assert.Equal(t, s.host.Count("PUT /status")-asked, want.host, "report %d", i+1)
		}
		s.host.On("PUT /status", Code(200, "")) // it is back, and patience with it
		written := len(s.written)
		assert.NilError(t, s.Upload(t.Context(), sasURL, "BlockBlob", []byte("{}")))
		assert.Equal(t, len(s.written), written)
		s.host.On("PUT /status", Code(503, ""))
		start := time.Now()
		assert.NilError(t, s.Upload(t.Context(), sasURL, "BlockBlob", []byte("{}")))
		assert.Equal(t, time.Since(start), 24*time.Second)
	})
}

func TestWhereStorageIsOutOfReachTheHostIsAskedPatiently(t *testing.T) {
	upload(t, func(t *testing.T, s *site) {
		s.host.On("PUT /status", Code(502, ""))
		s.storage.On("PUT /vm1.status?sv=1&sig=SECRET", Code(404, ""))
		for range 2 {
			asked := s.host.Count("PUT /status")
			assert.ErrorContains(t, s.Upload(t.Context(), sasURL, "BlockBlob", []byte("{}")), "HTTP 404")
			assert.Equal(t, s.host.Count("PUT /status")-asked, 6)
		}
	})
}

func TestAStaleIdentityStopsThisUploadAndIsRenewed(t *testing.T) {
	upload(t, func(t *testing.T, s *site) {
		s.host.On("PUT /status", Code(410, ""))
		err := s.Upload(t.Context(), sasURL, "BlockBlob", []byte("{}"))
		assert.ErrorIs(t, err, fabric.ErrResourceGone)
		assert.Equal(t, len(s.storage.Seen), 0)
		assert.Equal(t, s.wire.Count("GET /machine/?comp=goalstate"), 2)
	})
}

func TestAFailedUploadKeepsTheSignatureToItself(t *testing.T) {
	upload(t, func(t *testing.T, s *site) {
		s.host.On("PUT /status", Code(502, ""))
		s.storage.On("PUT /vm1.status?sv=1&sig=SECRET", Code(200, "")) // only 201 will do
		err := s.Upload(t.Context(), sasURL, "BlockBlob", []byte("{}"))
		assert.ErrorContains(t, err, "HTTP 200")
		assert.ErrorContains(t, err, "HTTP 502")
		assert.Assert(t, !strings.Contains(err.Error(), "SECRET"))
		assert.ErrorIs(t, s.Upload(t.Context(), secret.Text{}, "", nil), status.ErrNoBlob)
	})
}

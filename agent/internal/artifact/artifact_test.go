package artifact_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/artifact"
	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/fabric"
	. "github.com/waagent-go/waagent/agent/internal/fabric/fabrictest"
)

const manifest = `<PluginVersionManifest><Plugins><Plugin><Version>1.0</Version><Uris><Uri>http://s/p.zip</Uri></Uris></Plugin></Plugins></PluginVersionManifest>`

type site struct {
	*artifact.Downloader
	storage, host, wire *Script
	dir                 string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{storage: new(Script), host: new(Script), wire: new(Script), dir: t.TempDir()}
	s.wire.On("GET /machine/?comp=goalstate", Say(`<GoalState><Incarnation>1</Incarnation><Container><ContainerId>c1</ContainerId><RoleInstanceList><RoleInstance><Configuration><ConfigName>d.1</ConfigName></Configuration></RoleInstance></RoleInstanceList></Container></GoalState>`))
	client := &fabric.HTTP{Dial: Net{"10.0.0.1:80": s.wire, "10.0.0.1:32526": s.host, "s:80": s.storage}.Dial}
	wire := &fabric.WireServer{HTTP: client, Endpoint: "10.0.0.1", Identity: new(fabric.Identity)}
	s.Downloader = &artifact.Downloader{
		HTTP: client, Host: &fabric.HostGA{HTTP: client, Wire: wire}, FastTrack: func() bool { return true },
		Events: event.Discard{}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	return s
}

func run(t *testing.T, story func(t *testing.T, s *site)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { story(t, newSite(t)) })
}

func TestRow28TheChannelThatWorkedStaysPreferred(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		s.storage.On("GET /m", Code(404, ""))
		s.host.On("GET /extensionArtifact", Say(manifest))
		m, err := s.Manifest(t.Context(), []string{"http://s/m"})
		assert.NilError(t, err)
		assert.Equal(t, m.Plugins[0].URIs[0], "http://s/p.zip")
		assert.Equal(t, m.URI, "http://s/m")
		h := s.host.Seen[0].Header
		for name, want := range map[string]string{
			"X-Ms-Artifact-Location": "http://s/m", "X-Ms-Containerid": "c1", "X-Ms-Host-Config-Name": "d.1",
			"X-Ms-Version": "2015-09-01", "X-Ms-Verify-From-Artifacts-Blob": "true", "X-Ms-Artifact-Manifest-Location": "",
		} {
			assert.Equal(t, h.Get(name), want, name)
		}
		_, err = s.Manifest(t.Context(), []string{"http://s/m"})
		assert.NilError(t, err)
		assert.Equal(t, s.storage.Count("GET /m"), 1)
		s.host.On("GET /extensionArtifact", Code(404, ""))
		s.storage.On("GET /m", Say(manifest))
		for range 2 {
			_, err = s.Manifest(t.Context(), []string{"http://s/m"})
			assert.NilError(t, err)
		}
		assert.Equal(t, len(s.host.Seen), 3)
	})
}

func TestRow29TheHostIsToldOfFastTrackOnlyWhileItIsInForce(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		s.storage.On("GET /m", Code(404, ""))
		s.host.On("GET /extensionArtifact", Say(manifest))
		for _, fast := range []bool{true, false} {
			s.FastTrack = func() bool { return fast }
			_, err := s.Manifest(t.Context(), []string{"http://s/m"})
			assert.NilError(t, err)
			_, told := s.host.Seen[len(s.host.Seen)-1].Header["X-Ms-Verify-From-Artifacts-Blob"]
			assert.Equal(t, told, fast)
		}
	})
}

func TestBothChannelsDownIsAnErrorAndChangesNoPreference(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		s.storage.On("GET /m", Code(404, ""))
		s.host.On("GET /extensionArtifact", Code(404, ""))
		_, err := s.Manifest(t.Context(), []string{"http://s/m?sig=SECRET"})
		var failed *artifact.Error
		assert.Assert(t, errors.As(err, &failed))
		assert.Assert(t, !bytes.Contains([]byte(err.Error()), []byte("SECRET")))
		_, err = s.Manifest(t.Context(), nil)
		assert.ErrorContains(t, err, "no URI")
	})
}

func TestStaleIdentityIsRenewedForTheHost(t *testing.T) {
	t.Parallel()
	for name, stale := range map[string]http.HandlerFunc{
		"410": Code(410, ""), "400": Code(400, `{"errorCode":"InvalidContainerConfiguration"}`),
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, s *site) {
				s.host.On("GET /extensionArtifact", stale, Say(manifest))
				_, err := s.Manifest(t.Context(), []string{"http://s/m"})
				assert.NilError(t, err)
				assert.Equal(t, s.wire.Count("GET /machine/?comp=goalstate"), 2)
			})
		})
	}
}

func TestASilentStorageAccountCostsFiveSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		inner := s.HTTP.Dial
		s.HTTP.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr == "s:80" {
				return Silent(ctx, network, addr)
			}
			return inner(ctx, network, addr)
		}
		s.host.On("GET /extensionArtifact", Say(manifest))
		start := time.Now()
		_, err := s.Manifest(t.Context(), []string{"http://s/m"})
		assert.NilError(t, err)
		assert.Equal(t, time.Since(start), 5*time.Second)
	})
}

func TestAPackageIsCompleteOrNotThere(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		dst := filepath.Join(s.dir, "Contoso.A__1.0.zip")
		short := func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("PK but"))
			panic(http.ErrAbortHandler)
		}
		s.storage.On("GET /p.zip", short)
		s.host.On("GET /extensionArtifact", Code(404, ""))
		err := s.Package(t.Context(), []string{"http://s/p.zip"}, "http://s/m", dst, nil)
		assert.ErrorContains(t, err, "Contoso.A__1.0")
		left, _ := os.ReadDir(s.dir)
		assert.Equal(t, len(left), 0)

		s.storage.On("GET /p.zip", Code(500, ""), Say("PK whole"))
		assert.NilError(t, s.Package(t.Context(), []string{"http://s/p.zip"}, "http://s/m", dst, nil))
		got, err := os.ReadFile(dst)
		assert.NilError(t, err)
		assert.Equal(t, string(got), "PK whole")
		info, err := os.Stat(dst)
		assert.NilError(t, err)
		assert.Equal(t, info.Mode().Perm(), os.FileMode(0o600))
	})
}

func TestAPackageThatIsTooLargeIsLeft(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		s.storage.On("GET /p.zip", Say("0123456789"))
		s.host.On("GET /extensionArtifact", Say("0123456789"))
		dst := filepath.Join(s.dir, "p.zip")
		s.MaxPackage = 9
		err := s.Package(t.Context(), []string{"http://s/p.zip"}, "", dst, nil)
		assert.ErrorContains(t, err, "larger than 9 bytes")
		left, err := os.ReadDir(s.dir)
		assert.NilError(t, err)
		assert.Equal(t, len(left), 0)
		s.MaxPackage = 10
		assert.NilError(t, s.Package(t.Context(), []string{"http://s/p.zip"}, "", dst, nil))
	})
}

func TestAPackageThatIsNotAcceptedIsTriedElsewhere(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		dst := filepath.Join(s.dir, "a.zip")
		s.storage.On("GET /1", Say("bad")).On("GET /2", Say("good"))
		accept := func(path string) error {
			data, err := os.ReadFile(path)
			if err == nil && string(data) != "good" {
				err = errors.New("no zip")
			}
			return err
		}
		for range 4 { // the order is random
			assert.NilError(t, s.Package(t.Context(), []string{"http://s/1", "http://s/2"}, "", dst, accept))
			got, _ := os.ReadFile(dst)
			assert.Equal(t, string(got), "good")
		}
		err := s.Package(t.Context(), []string{"http://s/1"}, "", filepath.Join(s.dir, "b.zip"), accept)
		assert.ErrorContains(t, err, "no zip")
		_, err = os.Stat(filepath.Join(s.dir, "b.zip"))
		assert.ErrorIs(t, err, os.ErrNotExist)
	})
}

func TestTheBudgetEndsAHopelessSeries(t *testing.T) {
	run(t, func(t *testing.T, s *site) {
		s.Downloader.Host = nil
		var uris []string
		for range 100 {
			uris = append(uris, "http://s/m")
		}
		s.storage.On("GET /m", Code(500, ""))
		start := time.Now()
		_, err := s.Manifest(t.Context(), uris)
		assert.ErrorContains(t, err, "no time left")
		took := time.Since(start)
		assert.Assert(t, took > artifact.Budget && took < artifact.Budget+time.Minute, took)
	})
}

// drip is a server that sends a byte every few seconds, for ever.
func drip(ctx context.Context, _, _ string) (net.Conn, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		buf := make([]byte, 4096)
		if _, err := server.Read(buf); err != nil {
			return
		}
		if _, err := io.WriteString(server, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"); err != nil {
			return
		}
		for {
			time.Sleep(4 * time.Second)
			if _, err := server.Write([]byte("x")); err != nil {
				return
			}
		}
	}()
	return client, nil
}

func TestAServerThatDripsIsLeftForTheOtherChannel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		inner := s.HTTP.Dial
		s.HTTP.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr == "s:80" {
				return drip(ctx, network, addr)
			}
			return inner(ctx, network, addr)
		}
		s.host.On("GET /extensionArtifact", Say("PK"))
		start := time.Now()
		assert.NilError(t, s.Package(t.Context(), []string{"http://s/p.zip"}, "", filepath.Join(s.dir, "a.zip"), nil))
		assert.Assert(t, time.Since(start) < 31*time.Minute, time.Since(start))
		time.Sleep(5 * time.Second) // the server notices
	})
}

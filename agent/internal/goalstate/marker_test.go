package goalstate

import (
	"log/slog"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/host"
)

// FuzzMarker reads a foreign fast_track.json. What is taken from it is what it says; anything else counts as no marker.
func FuzzMarker(f *testing.F) {
	for _, text := range []string{
		`{"timestamp": "2026-01-02T03:04:05.678901Z"}`, `{"timestamp": 5}`, `{}`, `null`, `{"timestamp": "0001-01-01T00:00:00.000000Z"}`, ``,
	} {
		f.Add([]byte(text))
	}
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		fetcher := &Fetcher{Files: host.Files{Root: root}, Dir: "/", Log: slog.New(slog.DiscardHandler)}
		assert.NilError(t, fetcher.Files.WriteAtomic("/"+markerName, data, 0o600))
		var read fastTrack
		read.restore(fetcher)
		if read.last.IsZero() {
			return
		}
		fetcher.fast.inForce(fetcher, Wanted{Source: FastTrack, Created: read.last})
		var again fastTrack
		again.restore(fetcher)
		assert.Assert(t, again.last.Equal(read.last.Truncate(time.Microsecond)), "%v became %v", read.last, again.last)
	})
}

// Package artifact downloads what a goal state points at: manifests, packages, the artifacts profile. It goes straight
// to storage or through the host, whichever worked last, and never looks into what it brings.
package artifact

import (
	"context"

	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// Downloader downloads. It is made with New and is safe for concurrent use.
type Downloader struct{}

// Manifest fetches the first manifest that one of uris, tried in random order, gives. URI is where it came from.
func (d *Downloader) Manifest(ctx context.Context, uris []string) (Manifest, error) {
	return Manifest{}, context.Cause(ctx)
}

// Manifest is a package manifest and where it came from.
type Manifest struct {
	wireserver.Manifest
	URI string
	Raw []byte
}

// Package downloads a package from one of uris, tried in random order, into the file dst (mode 0600, absolute on the
// machine that runs this code). accept, when not nil, looks at the complete file: its error discards the file and makes
// the next URI be tried. manifestURI is Manifest.URI. Every way ends in no file or a complete one at dst.
func (d *Downloader) Package(ctx context.Context, uris []string, manifestURI, dst string, accept func(path string) error) error {
	return context.Cause(ctx)
}

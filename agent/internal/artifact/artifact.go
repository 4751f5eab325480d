// Package artifact downloads what a goal state points at: manifests, packages, the artifacts profile. It goes straight
// to storage or through the host, whichever worked last, and never looks into what it brings.
package artifact

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/protocol/redact"
	"github.com/waagent-go/waagent/agent/protocol/secret"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// Downloader downloads. Fields are set before its first use; it is safe for concurrent use then.
type Downloader struct {
	HTTP *fabric.HTTP
	Host *fabric.HostGA // nil: there is no way through the host
	// FastTrack reports whether the goal state in force is a Fast Track one: the host then checks what it fetches.
	FastTrack func() bool
	Events    event.Sink
	// MaxPackage bounds a package, in bytes; 0 is the constant of that name.
	MaxPackage int64
	Log        *slog.Logger

	mu        sync.Mutex
	hostFirst bool // sticks for the life of the process
}

// Limits on a download.
const (
	// Budget is the time after which no further URI is tried.
	Budget = 5 * time.Minute
	// MaxPackage bounds a package; the largest real ones are below 300 MiB.
	MaxPackage = 2 << 30
	maxText    = 16 << 20
	// textTime and packageTime bound one channel's attempts: a server that drips moves, but never ends.
	textTime    = Budget
	packageTime = 30 * time.Minute
	// firstTimeout is short so that a blocked storage account costs little before the host is asked.
	firstTimeout = 5 * time.Second
)

// Error is a download that none of its URIs gave.
type Error struct {
	What string
	Err  error // of each URI and channel, joined
}

func (e *Error) Error() string { return "download " + e.What + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Manifest is a package manifest and where it came from.
type Manifest struct {
	wireserver.Manifest
	URI string
	Raw []byte
}

// Manifest fetches the first readable manifest that one of uris, tried in random order, gives.
func (d *Downloader) Manifest(ctx context.Context, uris []string) (Manifest, error) {
	var m Manifest
	err := d.each(ctx, "manifest", uris, func(uri string) error {
		body, err := d.text(ctx, uri)
		if err != nil {
			return err
		}
		m = Manifest{URI: uri, Raw: body}
		if err := fabric.DecodeXML(body, &m.Manifest); err != nil {
			return fmt.Errorf("read manifest %s: %w", redact.URL(uri), err)
		}
		return nil
	})
	return m, err
}

// Profile fetches the artifacts profile.
func (d *Downloader) Profile(ctx context.Context, uri secret.Text) ([]byte, error) {
	return d.text(ctx, uri.Reveal())
}

func (d *Downloader) text(ctx context.Context, uri string) ([]byte, error) {
	var body bytes.Buffer
	err := d.fetch(ctx, fabric.Artifact{URI: uri}, textTime, func(r io.Reader) error {
		body.Reset()
		n, err := io.Copy(&body, io.LimitReader(r, maxText+1))
		if err == nil && n > maxText {
			err = fmt.Errorf("%s is larger than %d bytes", redact.URL(uri), maxText)
		}
		return err
	})
	return body.Bytes(), err
}

// Package downloads a package from one of uris, tried in random order, into the file dst (mode 0600, absolute on the
// machine that runs this code). accept, when not nil, looks at the complete file: its error discards the file and makes
// the next URI be tried. manifestURI is Manifest.URI. Every way ends in no file or a complete one at dst, which is not
// brought to disk: it is unpacked and deleted, and its checksums tell one that the machine's death cut short.
func (d *Downloader) Package(ctx context.Context, uris []string, manifestURI, dst string, accept func(path string) error) error {
	name := strings.TrimSuffix(filepath.Base(dst), filepath.Ext(dst))
	return d.each(ctx, "package "+name, uris, func(uri string) error {
		if err := d.file(ctx, fabric.Artifact{URI: uri, ManifestURI: manifestURI}, dst); err != nil {
			return err
		}
		if accept == nil {
			return nil
		}
		if err := accept(dst); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", redact.URL(uri), err), os.Remove(dst))
		}
		return nil
	})
}

// file streams an artifact to a temporary file beside dst and renames it.
func (d *Downloader) file(ctx context.Context, a fabric.Artifact, dst string) error {
	tmp, err := os.CreateTemp(filepath.Dir(dst), "."+filepath.Base(dst)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // nothing left to remove once renamed
	err = d.fetch(ctx, a, packageTime, func(r io.Reader) error {
		if err := errors.Join(tmp.Truncate(0), seekStart(tmp)); err != nil {
			return err
		}
		most := cmp.Or(d.MaxPackage, MaxPackage)
		n, err := io.Copy(tmp, io.LimitReader(r, most+1))
		if err == nil && n > most {
			err = fmt.Errorf("%s is larger than %d bytes", redact.URL(a.URI), most)
		}
		return err
	})
	if err := errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), dst)
}

func seekStart(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// each tries uris in random order until one does, within the budget.
func (d *Downloader) each(ctx context.Context, what string, uris []string, try func(uri string) error) error {
	if len(uris) == 0 {
		return &Error{What: what, Err: errors.New("there is no URI to download it from")}
	}
	uris = slices.Clone(uris)
	rand.Shuffle(len(uris), func(i, j int) { uris[i], uris[j] = uris[j], uris[i] })
	start := time.Now()
	var failures []error
	for _, uri := range uris {
		if time.Since(start) > Budget {
			failures = append(failures, fmt.Errorf("no time left after %s", time.Since(start).Round(time.Second)))
			break
		}
		err := try(uri)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		failures = append(failures, err)
	}
	return &Error{What: what, Err: errors.Join(failures...)}
}

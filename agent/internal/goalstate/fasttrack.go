package goalstate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/fabric"
)

// askAgain is how long a fabric without vmSettings is not asked for them.
const askAgain = 6 * time.Hour

// fastTrack is what is known of the vmSettings channel.
type fastTrack struct {
	etag   string
	newest *Wanted   // the last vmSettings, if they were Fast Track
	last   time.Time // creation of the last Fast Track goal state, this process's or an earlier one's
	works  bool
	until  time.Time // not supported: when to ask again
	bad    string    // the ETag whose vmSettings could not be read, so that the history holds them once
	quiet  string    // the failure that was logged last
	tally  tally
}

const markerName = "fast_track.json"

type marker struct {
	Timestamp string `json:"timestamp"`
}

// restore learns from the marker when the last Fast Track goal state was made.
func (t *fastTrack) restore(f *Fetcher) {
	data, err := f.Files.ReadFile(path.Join(f.Dir, markerName))
	if err != nil {
		return
	}
	var m marker
	if err := json.Unmarshal(data, &m); err != nil {
		f.Log.Warn("Ignoring an unreadable "+markerName, "error", err)
		return
	}
	if last, err := time.Parse(stampLayout, m.Timestamp); err == nil {
		t.last = last
	}
}

// ask fetches vmSettings. It returns a Fast Track goal state when there is a new one, and an error when the host could
// not say; the Fabric goal state goes on being processed then.
func (t *fastTrack) ask(ctx context.Context, f *Fetcher, force bool) (*Wanted, error) {
	if f.Host == nil || time.Now().Before(t.until) {
		return nil, nil
	}
	etag := t.etag
	if force {
		etag = ""
	}
	body, newTag, err := f.Host.VMSettings(ctx, etag)
	t.tally.note(err)
	t.tally.report(f.Events)
	if errors.Is(err, fabric.ErrNotModified) {
		t.recovered(f)
		return nil, nil
	}
	var w Wanted
	if err == nil {
		if w, err = ParseVMSettings(body, newTag); err != nil {
			t.keepBad(f, body, newTag)
		}
	}
	switch {
	case errors.Is(err, fabric.ErrNotFound) || errors.Is(err, ErrTooOld):
		t.unsupported(f, err)
		return nil, nil
	case err != nil:
		return nil, t.failed(ctx, f, err)
	}
	t.recovered(f)
	changed := newTag != t.etag
	t.etag, t.works = newTag, true
	if w.Source == Fabric {
		t.newest, t.last = nil, yearOne
		f.current.Outdated = false // it is the Fabric one's turn again
		t.forget(f)
		return nil, nil
	}
	t.newest = &w
	keeper{f.History, f.place.Incarnation + "-" + safeTag(newTag)}.keep("VmSettings.json", body)
	if !changed && !force {
		return nil, nil
	}
	return &w, nil
}

// safeTag is an ETag as part of a folder's name.
func safeTag(etag string) string { return strings.NewReplacer("/", "_", `"`, "").Replace(etag) }

// unsupported notes that the fabric has no vmSettings now. What it wanted by them stays wanted until a later Fabric
// goal state says otherwise.
func (t *fastTrack) unsupported(f *Fetcher, err error) {
	if t.works || t.until.IsZero() {
		f.Log.Info("Fast Track is not supported by the host", "reason", err)
	}
	stopped := t.works
	t.until, t.works, t.etag, t.newest, t.quiet = time.Now().Add(askAgain), false, "", nil, ""
	if stopped {
		f.inc = "" // the Fabric goal state counts again: fetch it whole
	}
}

// failed reports a host that cannot be asked, once per reason.
func (t *fastTrack) failed(ctx context.Context, f *Fetcher, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if reason := err.Error(); reason != t.quiet {
		t.quiet = reason
		f.Log.Warn("Cannot fetch vmSettings, going on with the Fabric goal state", "error", err)
		f.Events.Add(event.Event{Operation: "VmSettings", Message: reason})
	}
	return nil
}

func (t *fastTrack) recovered(f *Fetcher) {
	t.works = true
	if t.quiet != "" {
		f.Log.Info("vmSettings can be fetched again")
		t.quiet = ""
	}
}

// keepBad puts vmSettings that cannot be read into the history.
func (t *fastTrack) keepBad(f *Fetcher, body []byte, etag string) {
	if t.bad == etag {
		return
	}
	t.bad = etag
	keeper{f.History, safeTag(etag)}.keep("VmSettings.json", body)
}

// inForce keeps the marker in step with what is in force.
func (t *fastTrack) inForce(f *Fetcher, w Wanted) {
	if w.Source == FastTrack {
		t.last = w.Created
		data, err := json.Marshal(marker{w.CreatedText()})
		if err == nil {
			err = f.Files.WriteAtomic(path.Join(f.Dir, markerName), data, 0o600)
		}
		if err != nil {
			f.Log.Warn("Cannot note the Fast Track goal state", "error", fmt.Errorf("write %s: %w", markerName, err))
		}
		return
	}
	if f.Host == nil || !t.until.IsZero() || !w.Outdated {
		t.forget(f) // no vmSettings will come, or they have been overtaken
	}
}

func (t *fastTrack) forget(f *Fetcher) {
	if err := f.Files.Remove(path.Join(f.Dir, markerName)); err != nil {
		f.Log.Warn("Cannot remove "+markerName, "error", err)
	}
}

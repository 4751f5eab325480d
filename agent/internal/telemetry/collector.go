package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// Collector is the duty that sends what lies in the events folders.
type Collector struct {
	Files  host.Files
	Dir    string // Lib.Dir
	LogDir string // Extension.LogDir
	Common *Common
	Wire   *fabric.WireServer
	// ExtensionPeriod is how often extensions' folders are emptied; 0: they are left alone.
	ExtensionPeriod time.Duration
	Events          event.Sink
	Log             *slog.Logger

	refusing bool // the last batches were refused, and that was said
}

const (
	collectPeriod = time.Minute
	// sendPause keeps the number of calls below what the fabric allows, 15 in 15 s.
	sendPause = time.Second
	maxRecord = 1 << 20
)

// Name is the duty's.
func (c *Collector) Name() string { return "TelemetryEventsCollector" }

// Run collects until ctx ends.
func (c *Collector) Run(ctx context.Context) error {
	next := time.Now() // of the extensions' folders
	for {
		var b batcher
		if c.ExtensionPeriod > 0 && !time.Now().Before(next) {
			c.extensions(&b)
			next = time.Now().Add(c.ExtensionPeriod)
		}
		c.own(&b)
		c.send(ctx, b)
		if fabric.Sleep(ctx, collectPeriod) != nil {
			return nil
		}
	}
}

// own takes the files of the events folder into b; they are removed once sent.
func (c *Collector) own(b *batcher) {
	dir := path.Join(c.Dir, eventsFolder)
	entries, err := c.Files.ReadDir(dir)
	if err != nil {
		return // there is none before the first event
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".tld") || !e.Type().IsRegular() {
			continue
		}
		file := path.Join(dir, e.Name())
		if err := c.file(b, file); err != nil {
			c.Log.Warn("Dropping an event that cannot be read", "file", file, "error", err)
			c.remove(file)
		}
	}
}

func (c *Collector) file(b *batcher, file string) error {
	info, err := c.Files.Stat(file)
	if err != nil {
		return err
	}
	if info.Size() > maxRecord {
		return fmt.Errorf("it has %d bytes", info.Size())
	}
	data, err := c.Files.ReadFile(file)
	if err != nil {
		return err
	}
	r, err := parseRecord(data)
	if err != nil {
		return err
	}
	if !strings.HasSuffix(file, ownSuffix) {
		r = c.Common.adopt(r, info.ModTime(), os.Getpid())
	}
	if !b.add(r, file) {
		return fmt.Errorf("the event is larger than %d bytes", wireserver.MaxTelemetry)
	}
	return nil
}

// extensions empties the events folder of every extension.
func (c *Collector) extensions(b *batcher) {
	for _, dir := range c.Files.Glob(path.Join(c.LogDir, "*")) {
		handler := path.Base(dir)
		dir = path.Join(dir, eventsFolder)
		entries, err := c.Files.ReadDir(dir)
		if err != nil || len(entries) == 0 {
			continue
		}
		slices.Reverse(entries) // the newest first: names are times
		taken, dropped := 0, map[string]int{}
		for _, e := range entries {
			file := path.Join(dir, e.Name())
			if isEventFile(e) && taken < maxExtensionEvents {
				taken += c.extensionFile(b, handler, file, maxExtensionEvents-taken, dropped)
			}
			if err := c.Files.RemoveAll(file); err != nil {
				c.Log.Warn("Cannot remove an extension's event", "file", file, "error", err)
			}
		}
		if taken > 0 {
			c.Log.Info(fmt.Sprintf("Collected %d events for extension: %s", taken, handler))
		}
		if len(dropped) > 0 {
			c.Log.Warn("Dropped events for Extension: "+handler, "reasons", fmt.Sprint(dropped))
			c.Events.Add(event.Event{
				Operation: "ExtensionTelemetryEventProcessing",
				Message:   fmt.Sprintf("Dropped events for Extension: %s; Details: %v", handler, dropped),
			})
		}
	}
}

// isEventFile tells <digits>.json from whatever else lies there.
func isEventFile(e os.DirEntry) bool {
	digits, found := strings.CutSuffix(e.Name(), ".json")
	return found && digits != "" && strings.Trim(digits, "0123456789") == "" && e.Type().IsRegular()
}

// extensionFile takes at most room events of one file and answers how many.
func (c *Collector) extensionFile(b *batcher, handler, file string, room int, dropped map[string]int) int {
	info, err := c.Files.Stat(file)
	if err != nil {
		return 0
	}
	if info.Size() > maxExtensionFile {
		dropped[errOversize.Error()]++
		return 0
	}
	data, err := c.Files.ReadFile(file)
	if err != nil {
		return 0
	}
	events, problems, err := parseExtensionEvents(data)
	if err != nil {
		dropped[err.Error()]++
		return 0
	}
	for reason, n := range problems {
		dropped[reason] += n
	}
	events = events[:min(len(events), room)]
	for _, e := range events {
		b.add(c.Common.extensionRecord(handler, e, info.ModTime()), "")
	}
	return len(events)
}

// send posts the batches. What the fabric refuses is dropped; what it could not take now stays on disk for the next
// time, as far as it came from there.
func (c *Collector) send(ctx context.Context, b batcher) {
	lost := 0
	for i, one := range b.full {
		if i > 0 && fabric.Sleep(ctx, sendPause) != nil {
			return
		}
		err := c.Wire.Telemetry(ctx, body(one.provider, one.events.String()))
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			c.Log.Debug("The fabric does not take telemetry", "error", err)
			if code := fabric.Code(err); code == 0 || code == 429 || code >= 500 {
				continue
			}
			lost += one.count
		}
		for _, file := range one.files {
			c.remove(file)
		}
	}
	if lost > 0 && !c.refusing { // once: the report of it is an event too
		c.Log.Warn("The fabric refuses events", "events", lost)
		c.Events.Add(event.Event{Operation: "ReportEventErrors", Message: fmt.Sprintf("DroppedEventsCount: %d", lost)})
	}
	c.refusing = lost > 0
}

func (c *Collector) remove(file string) {
	if err := c.Files.Remove(file); err != nil {
		c.Log.Warn("Cannot remove an event", "file", file, "error", err)
	}
}

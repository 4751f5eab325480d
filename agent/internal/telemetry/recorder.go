package telemetry

import (
	"encoding/json"
	"log/slog"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/protocol/redact"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// Recorder is the event.Sink of a process of the agent: each event becomes a file in the events folder, which a
// Collector sends. Events that cannot be written are lost, and that is logged once.
type Recorder struct {
	Files  host.Files
	Dir    string // Lib.Dir
	Common *Common
	Task   string // what this process calls itself
	Log    *slog.Logger

	mu     sync.Mutex
	last   int64 // name of the last file
	failed bool
}

var _ event.Sink = (*Recorder)(nil)

const (
	eventsFolder = "events"
	ownSuffix    = ".waagent.tld"
	maxFiles     = 1000
	agentName    = wireserver.AgentName
)

// Add records an operation event.
func (r *Recorder) Add(e event.Event) {
	if e.Operation == reportStatus && !r.flips(e) {
		return
	}
	name, version := or(e.Name, agentName), or(e.Version, r.Common.Version)
	r.write(Record{EventID: 1, Provider: wireserver.ProviderAgent, Params: r.common(true, []Param{
		{"Name", name}, {"Version", version}, {"Operation", e.Operation}, {"OperationSuccess", e.Success},
		{"Message", redact.SAS(e.Message)}, {"Duration", e.Duration.Milliseconds()},
	})})
}

// Metric records a performance counter.
func (r *Recorder) Metric(category, counter, instance string, value float64) {
	r.write(Record{EventID: 4, Provider: wireserver.ProviderAgent, Params: r.common(false, []Param{
		{"Category", category}, {"Counter", counter}, {"Instance", instance}, {"Value", value},
	})})
}

// Line records a log line that support should see.
func (r *Recorder) Line(level, message string) {
	r.write(Record{EventID: 7, Provider: wireserver.ProviderLog, Params: r.common(false, []Param{
		{"EventName", "Log"}, {"CapabilityUsed", level}, {"Context1", redact.SAS(message)},
		{"Context2", stamp(time.Now())}, {"Context3", ""},
	})})
}

func (r *Recorder) common(operation bool, own []Param) []Param {
	pid := int64(os.Getpid())
	params := append(own, r.Common.origin(stamp(time.Now()), pid, pid, r.Task)...)
	if operation {
		params = append(params, Param{"ExtensionType", ""}, Param{"IsInternal", false})
	}
	return append(params, r.Common.place()...)
}

// write leaves a complete file; no reader ever sees half of one.
func (r *Recorder) write(rec Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.writeFile(rec)
	if err != nil && !r.failed {
		r.Log.Warn("Cannot record events", "error", err)
	}
	r.failed = err != nil
}

func (r *Recorder) writeFile(rec Record) error {
	data, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	dir := path.Join(r.Dir, eventsFolder)
	if err := r.Files.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	r.makeRoom(dir)
	name := time.Now().UnixMicro()
	if name <= r.last {
		name = r.last + 1
	}
	r.last = name
	file := path.Join(dir, strconv.FormatInt(name, 10)+ownSuffix)
	real, err := r.Files.Path(file)
	if err != nil {
		return err
	}
	// Not WriteAtomic: an event is not worth the disk's time for a sync.
	tmp := strings.TrimSuffix(real, ".tld") + ".tmp"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, real)
}

// makeRoom drops the oldest events when nobody has collected any for long.
func (r *Recorder) makeRoom(dir string) {
	entries, err := r.Files.ReadDir(dir)
	if err != nil || len(entries) < maxFiles {
		return
	}
	for _, e := range entries[:len(entries)-maxFiles+1] { // names are times: sorted by age
		_ = r.Files.Remove(path.Join(dir, e.Name())) // the next event tries again
	}
}

// reportStatus is sent only when it turns from success to failure or back.
const (
	reportStatus   = "ReportStatus"
	flipsFile      = "event_status.json"
	flipsKeyFormat = agentName + "-"
)

func (r *Recorder) flips(e event.Event) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	file := path.Join(r.Dir, flipsFile)
	was := map[string]bool{}
	if data, err := r.Files.ReadFile(file); err == nil {
		if json.Unmarshal(data, &was) != nil || was == nil { // unreadable, or null: start afresh
			was = map[string]bool{}
		}
	}
	key := flipsKeyFormat + r.Common.Version + "-" + e.Operation
	if last, known := was[key]; known && last == e.Success {
		return false
	}
	was[key] = e.Success
	if data, err := json.Marshal(was); err == nil {
		_ = r.Files.WriteAtomic(file, data, 0o600) // at worst an event too many
	}
	return true
}

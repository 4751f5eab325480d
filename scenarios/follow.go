package scenarios

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/waagent-go/waagent/fabricsim/journal"
)

// followFabric tells the timeline what the fabric sees, until ctx ends.
func (w *world) followFabric(ctx context.Context) {
	from := int64(1)
	for ctx.Err() == nil {
		entries, err := w.fabric.Journal(ctx, from, 100, 10*time.Second)
		if err != nil {
			if !wait(ctx, time.Second) {
				return
			}
			continue
		}
		for _, e := range entries {
			from = e.N + 1
			if line := fabricMoment(e); line != "" {
				w.timeline.Once(line)
			}
		}
	}
}

// fabricMoment is what is worth telling of a request, "" for nothing.
func fabricMoment(e journal.Entry) string {
	switch {
	case e.ClientError:
		return "fabric: rejected " + e.Method + " " + e.URL + " " + e.Note
	case e.Route == "health" && strings.Contains(e.Note, "NotReady"):
		return "health report: " + e.Note
	case e.Route == "health":
		return "health report: Ready"
	case e.Route == "versions":
		return "WireServer found: the agent asks for versions"
	case e.Route == "certificates":
		return "certificates delivered"
	case e.Route == "extensionsConfig":
		return "goal state delivered"
	case e.Route == "roleProperties":
		return "host key fingerprint received"
	case e.Surface == "blobs" && strings.HasSuffix(e.URL, ".zip"):
		return "extension package downloaded"
	}
	return ""
}

// agentMoments are lines of the agent's log that a person following a boot waits for.
var agentMoments = []struct {
	pattern *regexp.Regexp
	say     string
}{
	{regexp.MustCompile(`Read the provisioning media device=(\S+) filesystem=(\S+) reader=(\S+)`), "DVD found: $1, $2 read by $3"},
	{regexp.MustCompile(`Wire server endpoint:(\S+) found_by=(\S+)`), "endpoint $1 found by $2"},
	{regexp.MustCompile(`The resource disk is ready device=(\S+) type=(\S+) path=(\S+)`), "resource disk: $1, $2 mounted at $3"},
	{regexp.MustCompile(`[Ff]inished.*step=account|step=account.*[Ff]inished|account finished`), "user created"},
	{regexp.MustCompile(`ProcessExtensionsGoalState completed \[(\S+) (\d+) ms\]`), "goal state $1 processed in $2 ms"},
	{regexp.MustCompile(`Plugin enabled|Enable extension: .*|enabled.*Contoso\.Hello`), "extension enabled"},
}

// followAgent tells the timeline what the agent's log says, until ctx ends.
func (w *world) followAgent(ctx context.Context) {
	seen := 0
	for {
		log, err := w.agentLog(ctx)
		if err == nil && len(log) > seen {
			end := strings.LastIndexByte(string(log), '\n') + 1
			for line := range strings.Lines(string(log[seen:max(end, seen)])) {
				w.agentMoment(line)
			}
			seen = max(end, seen)
		}
		if !wait(ctx, 300*time.Millisecond) {
			return
		}
	}
}

func (w *world) agentMoment(line string) {
	for _, m := range agentMoments {
		if match := m.pattern.FindStringSubmatchIndex(line); match != nil {
			w.timeline.Once(string(m.pattern.ExpandString(nil, m.say, line, match)))
		}
	}
}

// wait waits for d; it answers false when ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

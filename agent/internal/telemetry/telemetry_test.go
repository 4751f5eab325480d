package telemetry_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/fabric"
	. "github.com/waagent-go/waagent/agent/internal/fabric/fabrictest"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/telemetry"
	"github.com/waagent-go/waagent/agent/protocol/imds"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

type site struct {
	*testing.T
	root      string
	common    *telemetry.Common
	recorder  *telemetry.Recorder
	collector *telemetry.Collector
	wire      *Script
	posts     []string
	log       bytes.Buffer
}

func run(t *testing.T, story func(s *site)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &site{T: t, root: t.TempDir(), wire: new(Script)}
		files := host.Files{Root: s.root}
		s.common = &telemetry.Common{Version: "3.0.0.0", OSVersion: "Linux:debian-12-bookworm:6.1.0", RAM: 950, Processors: 2, CPU: "x86_64", Container: func() string { return "c1" }}
		log := slog.New(slog.NewTextHandler(&s.log, nil))
		s.recorder = &telemetry.Recorder{Files: files, Dir: "/lib", Common: s.common, Task: "ExtHandler", Log: log}
		h := &fabric.HTTP{Dial: Net{"10.0.0.1:80": s.wire}.Dial}
		s.collector = &telemetry.Collector{
			Files: files, Dir: "/lib", LogDir: "/log", Common: s.common, ExtensionPeriod: 5 * time.Minute, Log: log, Events: event.Discard{},
			Wire: &fabric.WireServer{HTTP: h, Endpoint: "10.0.0.1", Identity: new(fabric.Identity)},
		}
		s.wire.On("POST /machine?comp=telemetrydata", s.take)
		story(s)
	})
}

func (s *site) take(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.posts = append(s.posts, string(body))
}

// collect runs the duty for a while.
func (s *site) collect(d time.Duration) {
	ctx, cancel := context.WithTimeout(s.Context(), d)
	defer cancel()
	assert.NilError(s, s.collector.Run(ctx))
}

func (s *site) put(name, content string) {
	s.Helper()
	path := filepath.Join(s.root, name)
	assert.NilError(s, os.MkdirAll(filepath.Dir(path), 0o700))
	assert.NilError(s, os.WriteFile(path, []byte(content), 0o600))
	assert.NilError(s, os.Chtimes(path, time.Now(), time.Now()))
}

func (s *site) names(dir string) []string {
	entries, _ := os.ReadDir(filepath.Join(s.root, dir))
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// params decodes the parameters of every event posted, as the fabric would.
func (s *site) params() []map[string]string {
	s.Helper()
	var all []map[string]string
	for _, p := range s.posts {
		var doc wireserver.TelemetryData
		assert.NilError(s, xml.Unmarshal([]byte(p), &doc))
		for _, e := range doc.Provider.Events {
			var inner struct {
				Params []wireserver.TelemetryParam `xml:"Param"`
			}
			assert.NilError(s, xml.Unmarshal([]byte("<x>"+e.Params+"</x>"), &inner))
			m := map[string]string{"id": e.ID, "provider": doc.Provider.ID}
			for _, q := range inner.Params {
				m[q.Name] = q.Value
			}
			all = append(all, m)
		}
	}
	return all
}

func TestEventsTravelFromAnyProcessToTheFabric(t *testing.T) {
	run(t, func(s *site) {
		s.common.LearnCompute(imds.Compute{Location: "simland", SubscriptionID: "sub", ResourceGroupName: "rg", VMID: "vm", Publisher: "Debian", Offer: "debian-12", SKU: "12"})
		s.common.LearnHosting(wireserver.HostingEnvironment{}, "i1")
		s.recorder.Add(event.Event{Operation: "Provision", Success: true, Message: "line one\nsaid \"<b> & ']]>\" \x01 https://a.test/b?sig=SECRET", Duration: 1500 * time.Millisecond})
		s.recorder.Metric("CPU", "% Processor Time", "walinuxagent.service", 0.5)
		s.recorder.Line("WARNING", "odd")
		files := s.names("lib/events")
		assert.Equal(s, len(files), 3)
		data, err := os.ReadFile(filepath.Join(s.root, "lib/events", files[0]))
		assert.NilError(s, err)
		pid := fmt.Sprint(os.Getpid())
		golden.Assert(s, strings.ReplaceAll(string(data), ":"+pid, ":4711"), "event.tld.golden")
		s.collect(time.Second * 30)
		golden.Assert(s, strings.ReplaceAll(strings.Join(s.posts, "\n"), `"`+pid+`"`, `"4711"`), "posts.golden")
		assert.Equal(s, len(s.names("lib/events")), 0)
		p := s.params()[0]
		assert.Equal(s, p["Message"], "line one\nsaid \"<b> & ']]>\" ? https://a.test/b?<redacted>")
		assert.Equal(s, p["OperationSuccess"], "True")
		assert.Equal(s, p["ImageOrigin"], "2")
	})
}

func TestWhatTheFabricHasNotSaidYetIsMarked(t *testing.T) {
	run(t, func(s *site) {
		s.recorder.Add(event.Event{Operation: "X"})
		s.collect(time.Second)
		assert.Equal(s, s.params()[0]["TenantName"], "TenantName_UNINITIALIZED")
		assert.Equal(s, s.params()[0]["Version"], "3.0.0.0")
		assert.Equal(s, s.params()[0]["Name"], "WALinuxAgent")
	})
}

func TestBatchesStayBelowTheLimit(t *testing.T) {
	run(t, func(s *site) {
		for range 40 {
			s.recorder.Add(event.Event{Operation: "X", Message: strings.Repeat("x", 4000)})
		}
		s.recorder.Add(event.Event{Operation: "TooLarge", Message: strings.Repeat("x", 70000)})
		s.collect(30 * time.Second)
		total := 0
		for _, p := range s.posts {
			assert.Assert(s, len(p) < 1<<16)
			total += strings.Count(p, "<Event ")
		}
		assert.Equal(s, total, 40)
		assert.Assert(s, len(s.posts) >= 3)
		assert.Equal(s, len(s.names("lib/events")), 0)
	})
}

func TestThrottlingIsMetWithPatienceAndLosesNothing(t *testing.T) {
	run(t, func(s *site) {
		s.wire.On("POST /machine?comp=telemetrydata", Code(429, ""))
		s.recorder.Add(event.Event{Operation: "X"})
		s.collect(50 * time.Second)
		assert.Equal(s, len(s.wire.Seen), 3)
		assert.Equal(s, len(s.names("lib/events")), 1)
		s.wire.On("POST /machine?comp=telemetrydata", s.take)
		s.collect(time.Second)
		assert.Equal(s, len(s.params()), 1)
		s.recorder.Add(event.Event{Operation: "Y"})
		s.wire.On("POST /machine?comp=telemetrydata", Code(400, ""))
		s.collect(3 * time.Minute)
		assert.Equal(s, len(s.names("lib/events")), 0)
		assert.Equal(s, strings.Count(s.log.String(), "refuses"), 1)
	})
}

func TestTheFolderNeverHoldsMoreThanAThousandEvents(t *testing.T) {
	run(t, func(s *site) {
		for range 1005 {
			s.recorder.Metric("a", "b", "c", 1)
		}
		assert.Equal(s, len(s.names("lib/events")), 1000)
	})
}

func TestReportStatusIsSentWhenItFlips(t *testing.T) {
	run(t, func(s *site) {
		s.put("lib/provisioned", "")
		for _, ok := range []bool{true, true, false, false, false, true} {
			s.recorder.Add(event.Event{Operation: "ReportStatus", Success: ok})
		}
		assert.Equal(s, len(s.names("lib/events")), 3)
		assert.DeepEqual(s, s.names("lib"), []string{"event_status.json", "events", "provisioned"})
		data, err := os.ReadFile(filepath.Join(s.root, "lib/event_status.json"))
		assert.NilError(s, err)
		assert.Equal(s, string(data), `{"WALinuxAgent-3.0.0.0-ReportStatus":true}`)
	})
}

func TestForeignEventsAreCompleted(t *testing.T) {
	run(t, func(s *site) {
		s.put("lib/events/1.tld", `{"eventId":1,"providerId":"69B669B9-4AF8-4C50-BDC4-6006FA76E975","parameters":[{"name":"Name","value":"Contoso.A"},{"name":"Version","value":"1"},{"name":"Operation","value":"Enable"},{"name":"OperationSuccess","value":true},{"name":"Message","value":"m"},{"name":"Duration","value":12},{"name":"GAVersion","value":"lies"}]}`)
		s.put("lib/events/2.tld", `<?xml version="1.0"?><Data><Provider id="69B669B9-4AF8-4C50-BDC4-6006FA76E975"/><Event id="1"/><Param Name="Name" Value="WALinuxAgent" T="mt:wstr" /><Param Name="OperationSuccess" Value="True" T="mt:bool" /></Data>`)
		s.put("lib/events/3.tld", "garbage")
		s.put("lib/events/4.txt", "not an event")
		s.collect(time.Second)
		p := s.params()
		assert.Equal(s, len(p), 2)
		assert.Equal(s, p[0]["GAVersion"], "WALinuxAgent-3.0.0.0")
		assert.Equal(s, p[0]["Duration"], "12")
		assert.Equal(s, p[0]["OpcodeName"], "2000-01-01T00:00:00.000000Z")
		assert.Equal(s, p[1]["OperationSuccess"], "True")
		assert.DeepEqual(s, s.names("lib/events"), []string{"4.txt"})
	})
}

const extensionEvent = `{"Version":"1.0","timestamp":"2031-01-01T00:00:00Z","TaskName":"T","EventLevel":"Info","Message":"hello","EventPid":12,"EventTid":"34","OperationId":"op","Extra":1}`

func TestRow64ExtensionEventsAreCollected(t *testing.T) {
	run(t, func(s *site) {
		s.put("log/Contoso.A/events/1.json", extensionEvent)
		s.put("log/Contoso.A/events/2.json", "["+extensionEvent+","+strings.Replace(extensionEvent, "hello", "again", 1)+"]")
		s.put("log/Contoso.A/events/3.json", `[{"Version":"1"},`+strings.Replace(extensionEvent, "hello", "", 1)+","+strings.Replace(extensionEvent, `"op"`, `"`+strings.Repeat("o", 7000)+`"`, 1)+"]")
		s.put("log/Contoso.A/events/4.json", "broken")
		s.put("log/Contoso.A/events/x.json", extensionEvent)
		s.put("log/Contoso.A/CommandExecution.log", "stays")
		s.collect(time.Second)
		p := s.params()
		assert.Equal(s, len(p), 3)
		assert.Equal(s, p[0]["Context1"], "hello") // of 2.json, the newest that holds events
		assert.Equal(s, p[0]["EventName"], "Contoso.A-1.0")
		assert.Equal(s, p[0]["EventPid"], "12")
		assert.Equal(s, p[0]["Context3"], "op")
		assert.Equal(s, p[0]["provider"], wireserver.ProviderLog)
		assert.Equal(s, len(s.names("log/Contoso.A/events")), 0)
		assert.DeepEqual(s, s.names("log/Contoso.A"), []string{"CommandExecution.log", "events"})
		out := s.log.String()
		assert.Assert(s, strings.Contains(out, "Collected 3 events for extension: Contoso.A"), out)
		for _, reason := range []string{"MissingKeyError:1", "EmptyMessageError:1", "OversizeEventError:1", "InvalidEventError:1"} {
			assert.Assert(s, strings.Contains(out, reason), out)
		}
	})
}

func TestAnExtensionThatFloodsIsCutOff(t *testing.T) {
	run(t, func(s *site) {
		many := strings.Repeat(extensionEvent+",", 499) + extensionEvent
		s.put("log/Contoso.A/events/1.json", "["+many+"]")
		s.put("log/Contoso.B/events/1.json", extensionEvent)
		s.put("log/Contoso.B/events/2.json", strings.Repeat(" ", 5<<20))
		s.collect(30 * time.Second)
		assert.Equal(s, len(s.params()), 361)
		long := strings.Replace(extensionEvent, "hello", strings.Repeat("é", 4000), 1)
		s.put("log/Contoso.B/events/3.json", long)
		s.posts = nil
		s.collect(time.Second)
		assert.Equal(s, s.params()[0]["Context1"], strings.Repeat("é", 3072))
	})
}

func FuzzEvents(f *testing.F) {
	f.Add(extensionEvent, "message")
	f.Add(`{"eventId":1,"providerId":"p","parameters":[{"name":"Name","value":null}]}`, "]]>")
	f.Add(`<Data><Provider id="p"/><Event id="1"/><Param Name="a" Value="b" T="mt:bool"/></Data>`, "\x00\xff")
	f.Fuzz(func(t *testing.T, file, message string) {
		for _, p := range telemetry.Bodies(&telemetry.Common{}, []byte(file), message) {
			var doc wireserver.TelemetryData
			assert.NilError(t, xml.Unmarshal(p, &doc), "%q", p)
			assert.Assert(t, len(doc.Provider.Events) > 0)
			for _, e := range doc.Provider.Events {
				assert.NilError(t, xml.Unmarshal([]byte("<x>"+e.Params+"</x>"), new(struct{})), "%q", e.Params)
			}
		}
	})
}

// FuzzEventStatus reads a foreign event_status.json. Whatever is in it, a status is told of once, and again when it turns.
func FuzzEventStatus(f *testing.F) {
	for _, text := range []string{`{"WALinuxAgent-3.0.0.0-ReportStatus": true}`, `{"x": 1}`, `null`, `[]`, ``} {
		f.Add([]byte(text))
	}
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		files := host.Files{Root: root}
		assert.NilError(t, files.RemoveAll("/lib/events"))
		assert.NilError(t, files.MkdirAll("/lib", 0o700))
		assert.NilError(t, files.WriteAtomic("/lib/event_status.json", data, 0o600))
		r := &telemetry.Recorder{
			Files: files, Dir: "/lib", Task: "x", Log: slog.New(slog.DiscardHandler),
			Common: &telemetry.Common{Version: "3.0.0.0", Container: func() string { return "" }},
		}
		count := func() int {
			entries, _ := files.ReadDir("/lib/events")
			return len(entries)
		}
		r.Add(event.Event{Operation: "ReportStatus"})
		first := count()
		r.Add(event.Event{Operation: "ReportStatus"})
		assert.Equal(t, count(), first)
		r.Add(event.Event{Operation: "ReportStatus", Success: true})
		assert.Equal(t, count(), first+1)
	})
}

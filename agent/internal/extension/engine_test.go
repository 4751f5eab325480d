package extension_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/artifact"
	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/extension"
	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/status"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// TestMain makes this binary the parent of handler commands, as cmd/waagent is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == host.HandlerCommandMode {
		os.Exit(host.HandlerCommandMain(os.Args[2:]))
	}
	if len(os.Args) > 2 && os.Args[1] == "mortal-agent" {
		os.Exit(mortalAgent(os.Args[2]))
	}
	os.Exit(m.Run())
}

// shim is the program of the packages in these tests. It writes down what it was called for, and with which
// environment, and does what the file <command> in its folder says, if there is one.
const shim = `#!/bin/sh
cd "$(dirname "$0")/.." || exit 99
log=$(dirname "$PWD")/calls
name=${ConfigExtensionName:+$ConfigExtensionName.}
{
	echo "$1 $AZURE_GUEST_AGENT_EXTENSION_VERSION $name$ConfigSequenceNumber"
} >>"$log"
env | grep -E '^(AZURE_GUEST|Config|VERSION)' | sort >"$(dirname "$PWD")/env.$1"
[ -e "$1" ] && { . "./$1"; exit; }
[ "$1" = enable ] || exit 0
echo "[{\"version\": 1.0, \"timestampUTC\": \"2024-01-01T00:00:00Z\", \"status\": {\"name\": \"x\", \"operation\": \"Enable\", \"status\": \"success\", \"code\": 0, \"formattedMessage\": {\"lang\": \"en-US\", \"message\": \"ok\"}}}]" >"status/$name$ConfigSequenceNumber.status"
`

// contoso is the name of the handler in most tests.
const contoso = "Contoso.Demo"

// world is a machine without a fabric: packages are served out of memory, commands are real.
type world struct {
	t       *testing.T
	root    string
	files   host.Files
	options extension.Options
	engine  *extension.Engine
	shop    *shop
	events  *events
	n       int // number of goal states so far
}

func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	return newQuietWorld(t)
}

// newQuietWorld is newWorld for a test that is not run beside others.
func newQuietWorld(t *testing.T) *world {
	t.Helper()
	root := t.TempDir()
	assert.NilError(t, os.MkdirAll(root+"/var/lib/waagent", 0o755))
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	w := &world{t: t, root: root, files: host.Files{Root: root}, shop: &shop{}, events: &events{}}
	w.options = extension.Options{
		Files: w.files, Machine: host.New("/", log), Downloader: w.shop, LibDir: "/var/lib/waagent",
		LogDir: "/var/log/azure", Log: log, Events: w.events,
	}
	w.restart()
	return w
}

// restart begins a new agent on the same machine.
func (w *world) restart() { w.engine = extension.New(w.options) }

// lib is the real path of a file below the agent's folder.
func (w *world) lib(name string) string { return filepath.Join(w.root, "var/lib/waagent", name) }

func (w *world) read(name string) string {
	w.t.Helper()
	data, err := os.ReadFile(w.lib(name))
	assert.NilError(w.t, err)
	return string(data)
}

func (w *world) exists(name string) bool {
	_, err := os.Lstat(w.lib(name))
	return err == nil
}

// calls are the commands since the last time it was asked.
func (w *world) calls() []string {
	w.t.Helper()
	data, err := os.ReadFile(w.lib("calls"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	assert.NilError(w.t, err)
	assert.NilError(w.t, os.Remove(w.lib("calls")))
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

// env is what a command found in its environment.
func (w *world) env(command string) map[string]string {
	w.t.Helper()
	all := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSpace(w.read("env."+command)), "\n") {
		k, v, _ := strings.Cut(line, "=")
		all[k] = v
	}
	return all
}

// process gives the agent a new goal state with these handlers.
func (w *world) process(handlers ...goalstate.Handler) extension.Result {
	w.t.Helper()
	w.n++
	return w.again(handlers...)
}

// again gives the agent the goal state with the same id once more.
func (w *world) again(handlers ...goalstate.Handler) extension.Result {
	w.t.Helper()
	r := w.engine.Process(w.t.Context(), w.wanted(handlers...))
	assert.NilError(w.t, r.Err)
	return r
}

func (w *world) wanted(handlers ...goalstate.Handler) goalstate.Wanted {
	return goalstate.Wanted{ID: fmt.Sprintf("incarnation_%d", w.n), SvdSeqNo: fmt.Sprint(w.n), Handlers: handlers}
}

// report is the report of one handler, in which there must be exactly one entry.
func (w *world) report() status.Handler {
	w.t.Helper()
	all := w.engine.Report()
	assert.Equal(w.t, len(all), 1, "%+v", all)
	return all[0]
}

// wants is a handler with one extension, number seq.
func wants(version string, seq int) goalstate.Handler {
	return goalstate.Handler{
		Name: contoso, Version: version, State: goalstate.Enabled, ManifestURIs: []string{contoso},
		Settings: []goalstate.Settings{{Seq: seq, State: goalstate.Enabled, Public: json.RawMessage(`{"a":1}`)}},
	}
}

func named(h goalstate.Handler, name string) goalstate.Handler {
	h.Name, h.ManifestURIs = name, []string{name}
	return h
}

func uninstall(h goalstate.Handler) goalstate.Handler {
	h.State, h.Settings = goalstate.Uninstall, nil
	return h
}

// pack is a package: its files, over those of a package whose commands all succeed.
type pack map[string]string

func manifest(more ...string) string {
	keys := []string{}
	for _, c := range []string{"install", "uninstall", "update", "enable", "disable"} {
		keys = append(keys, fmt.Sprintf(`"%sCommand": "bin/shim %s"`, c, c))
	}
	return `[{"name": "x", "version": 1.0, "handlerManifest": {` + strings.Join(append(keys, more...), ", ") + `}}]`
}

func (p pack) zip() []byte {
	files := map[string]string{"HandlerManifest.json": manifest(), "bin/shim": shim}
	maps.Copy(files, p)
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := z.Create(name)
		if err != nil {
			panic(err)
		}
		if _, err := f.Write([]byte(files[name])); err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// shop serves packages; a handler's name is its manifest's URI, and <name>/<version> its package's.
type shop struct {
	mu       sync.Mutex
	versions map[string][]string
	packages map[string][]byte
	down     error // of every manifest
	served   []string
}

func (s *shop) sell(name, version string, p pack) { s.sellBytes(name, version, p.zip()) }

func (s *shop) sellBytes(name, version string, zips ...[]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.versions == nil {
		s.versions, s.packages = map[string][]string{}, map[string][]byte{}
	}
	if !slices.Contains(s.versions[name], version) {
		s.versions[name] = append(s.versions[name], version)
	}
	for i, z := range zips {
		s.packages[fmt.Sprintf("%s/%s/%d", name, version, i)] = z
	}
}

func (s *shop) Manifest(_ context.Context, uris []string) (artifact.Manifest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return artifact.Manifest{}, s.down
	}
	if len(uris) == 0 {
		return artifact.Manifest{}, errors.New("no uris")
	}
	m := artifact.Manifest{URI: uris[0], Raw: []byte("<manifest/>")}
	for _, v := range s.versions[uris[0]] {
		p := wireserver.ManifestVersion{Version: v}
		for i := 0; s.packages[fmt.Sprintf("%s/%s/%d", uris[0], v, i)] != nil; i++ {
			p.URIs = append(p.URIs, fmt.Sprintf("%s/%s/%d", uris[0], v, i))
		}
		m.Plugins = append(m.Plugins, p)
	}
	return m, nil
}

func (s *shop) Package(_ context.Context, uris []string, _, dst string, accept func(string) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all error
	for _, uri := range uris {
		s.served = append(s.served, uri)
		if err := os.WriteFile(dst, s.packages[uri], 0o600); err != nil {
			return err
		}
		err := accept(dst)
		if err == nil {
			return nil
		}
		all = errors.Join(all, err, os.Remove(dst))
	}
	return cmp.Or(all, errors.New("no package"))
}

// events are what the fabric is told.
type events struct {
	mu  sync.Mutex
	all []event.Event
}

func (e *events) Add(ev event.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, ev)
}

func (e *events) has(operation string, success bool) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.all, func(ev event.Event) bool {
		return ev.Operation == operation && ev.Success == success
	})
}

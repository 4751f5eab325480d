package scenarios

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/waagent-go/waagent/fabricsim"
	"github.com/waagent-go/waagent/fabricsim/control"
	"github.com/waagent-go/waagent/fabricsim/goal"
	"github.com/waagent-go/waagent/ovfgen"
	"github.com/waagent-go/waagent/scenarios/machine/loopback"
)

// Every file of /var/lib/waagent, and the log folder's, after a Fabric and a Fast Track goal state. Events have golden
// files of their own.
func TestWhatTheAgentLeavesOnDiskHasItsBytes(t *testing.T) {
	t.Parallel()
	f, err := fabricsim.New(fabricsim.Options{})
	assert.NilError(t, err)
	dir := t.TempDir()
	assert.NilError(t, giveSample(dir))
	assert.NilError(t, os.CopyFS(filepath.Join(dir, "several"), os.DirFS(filepath.Join(dir, "sample"))))
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "several", "HandlerManifest.json"), []byte(`[{"handlerManifest": {
	"installCommand": "bin/sample install", "enableCommand": "bin/sample enable", "updateCommand": "bin/sample update",
	"disableCommand": "bin/sample disable", "uninstallCommand": "bin/sample uninstall", "supportsMultipleExtensions": true}}]`), 0o644))
	want := func(channel string, seq int) goal.State {
		s, err := goal.Parse(fmt.Appendf(nil, `channel: %s
extensions:
  - {name: Contoso.Sample, package: sample, settings: {seq: %d, public: {greeting: "hello <&>", spew: 10}, protected: {secret: Fabric-s1m}}}
  - {name: Contoso.Bad, package: sample, settings: {seq: %d, public: {fail: enable}}}
  - {name: Contoso.Bare, package: sample}
  - name: Contoso.Several
    package: several
    configs: [{name: one, seq: %d, public: {greeting: one}}, {name: two, seq: 1, protected: {secret: Fabric-s1m}}]
`, channel, seq, seq, seq), os.DirFS(dir), ".")
		assert.NilError(t, err)
		return s
	}
	first := want("fabric", 1)
	assert.NilError(t, f.AddVM(goal.VM{ID: "web01", Initial: &first}))
	root := t.TempDir()
	guest := bootIn(t, f, root)

	client, stop := control.InProcess(f.Control())
	defer stop()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for seq, channel := range []string{"fabric", "fasttrack"} {
		if seq > 0 {
			assert.NilError(t, f.SetGoalState("web01", want(channel, seq+1)))
		}
		_, err := client.WaitVM(ctx, "web01", func(vm control.VM) (bool, string) {
			if vm.Status == nil || vm.Status.Decoded.Aggregate.VMArtifacts == nil {
				return false, "no status of a goal state"
			}
			svd := fmt.Sprint(vm.Status.Decoded.Aggregate.VMArtifacts.GoalState.InSvdSeqNo)
			return svd == fmt.Sprint(seq+1), "status of goal state " + svd // the extension's own comes earlier
		})
		assert.NilError(t, err)
	}
	assert.NilError(t, guest.Close(ctx))
	golden.Assert(t, written(t, root, "var/lib/waagent", "var/log/azure"), "written.golden")
	log, err := os.ReadFile(filepath.Join(root, "var/log/waagent.log"))
	assert.NilError(t, err)
	readableByTools(t, string(log))
}

// agentLine is a line of the agent's log: when, how grave, in which process, and whose words they are.
var agentLine = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (?:VERBOSE|INFO|WARNING|ERROR) (?:Daemon|ExtHandler) ((?:Daemon|ExtHandler|\[\S+\]) \S.*)$`)

// readableByTools looks at the log as tools and other agents' tests do: each line has the format, and the marks that
// they search for are there, in this order, as often as it happened.
func readableByTools(t *testing.T, log string) {
	t.Helper()
	null := "00000000-0000-0000-0000-000000000000"
	marks := []string{
		`Daemon OS\.OpensslPath is set and not needed: certificates are handled without the openssl program`,
		`Daemon Wire server endpoint:168\.63\.129\.16 found_by=/proc/net/route`,
		`ExtHandler Agent WALinuxAgent-\d+(\.\d+){3} is running as the goal state agent`,
		`ExtHandler ProcessExtensionsGoalState started \[incarnation_1 channel: WireServer source: Fabric activity: ` + null + ` correlation ` + null + ` created: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\]`,
		`\[Contoso\.Sample-1\.0\.0\] Target handler state: enabled \[incarnation_1\]`,
		`ExtHandler ProcessExtensionsGoalState completed \[incarnation_1 \d+ ms\]`,
		`ExtHandler ProcessExtensionsGoalState started \[etag_\d+ channel: HostGAPlugin source: FastTrack activity: ` + null + ` correlation ` + null + ` created: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\]`,
		`\[Contoso\.Sample-1\.0\.0\] Target handler state: enabled \[etag_\d+\]`,
		`ExtHandler ProcessExtensionsGoalState completed \[etag_\d+ \d+ ms\]`,
	}
	var found []string
	for line := range strings.Lines(log) {
		if found != nil && !strings.HasPrefix(line, "20") {
			continue // of a message with several lines, what a command printed
		}
		parts := agentLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		assert.Assert(t, parts != nil, "%q", line)
		for _, mark := range marks {
			if regexp.MustCompile("^" + mark + "$").MatchString(parts[1]) {
				found = append(found, mark)
			}
		}
	}
	assert.DeepEqual(t, found, marks)
}

// serve answers on the loopback as f answers web01, with f's certificate where it is to be secured, and returns where.
func serve(t *testing.T, f *fabricsim.Fabric, h http.Handler, secured bool) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ConnContext = fabricsim.ConnContext("web01")
	if secured {
		s.TLS = f.TLSConfig()
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// bootIn boots our agent in a folder, with sockets for the fabric's addresses.
func bootIn(t *testing.T, f *fabricsim.Fabric, root string) *loopback.Guest {
	t.Helper()
	places := map[string]string{
		fabricsim.WireServerIP + ":80": serve(t, f, f.WireServer(), false), fabricsim.WireServerIP + ":32526": serve(t, f, f.HostGA(), false),
		fabricsim.IMDSIP + ":80": serve(t, f, f.IMDS(), false),
	}
	storage := serve(t, f, f.Blobs(), true)
	spec, err := ovfgen.Parse([]byte("hostname: web01\nuser: azureuser\npassword: Fabric-s1m\ncustom_data: hello\n"))
	assert.NilError(t, err)
	var image bytes.Buffer
	assert.NilError(t, ovfgen.Write(&image, spec))
	dvd := filepath.Join(t.TempDir(), "dvd.iso")
	assert.NilError(t, os.WriteFile(dvd, image.Bytes(), 0o600))
	guest, err := loopback.Boot(loopback.Spec{
		Root: root, DVD: dvd, UUID: goal.GUID("vm", "web01"), CA: f.CA(), Conf: map[string]string{"Extensions.GoalStatePeriod": "1", "OS.OpensslPath": "/usr/bin/openssl"},
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			place, ok := places[addr]
			if !ok {
				place = storage
			}
			return new(net.Dialer).DialContext(ctx, network, place)
		},
	})
	assert.NilError(t, err)
	return guest
}

// passing is what differs from run to run: keys, times, and what is made from them.
var passing = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d__`), "<time>__"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?`), "<time>"},
	{regexp.MustCompile(`\b[0-9A-F]{40}\b`), "<thumbprint>"},
	{regexp.MustCompile(`("protectedSettings": *)"[^*"]+"`), `$1"<CMS>"`},
	{regexp.MustCompile(`("fingerprint": *)"[^"]+"`), `$1"<fingerprint>"`},
	{regexp.MustCompile(`<Data>[^<]+</Data>`), "<Data>(CMS)</Data>"},
	{regexp.MustCompile(`(createdOnTicks=|"extensionsLastModifiedTickCount": ?)"?\d+"?`), "$1<ticks>"},
	{regexp.MustCompile(`\b(sig=)[^&"\s]+`), "$1<signature>"},
	{regexp.MustCompile(`(__1-)?\d{15,}`), "$1<etag>"},
	{regexp.MustCompile(`\b\d+ ms\b`), "<n> ms"},
}

// written is every file below the folders: its mode, its name, and what is in it. What a package brought is not ours.
func written(t *testing.T, root string, folders ...string) string {
	t.Helper()
	var all []string
	for _, folder := range folders {
		assert.NilError(t, filepath.WalkDir(filepath.Join(root, folder), func(name string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if e.IsDir() && (e.Name() == "events" || e.Name() == "bin") {
				return filepath.SkipDir
			}
			if e.Name() == "HandlerManifest.json" || e.Name() == "manifest.xml" {
				return nil
			}
			info, err := e.Info()
			assert.NilError(t, err)
			text := fmt.Sprintf("=== %s %s\n", strings.TrimPrefix(name, root), info.Mode())
			if info.Mode().IsRegular() {
				text += content(t, name)
			}
			text = strings.ReplaceAll(text, root, "")
			for _, p := range passing {
				text = p.what.ReplaceAllString(text, p.with)
			}
			all = append(all, text)
			return nil
		}))
	}
	slices.Sort(all) // names made of thumbprints come in any order
	return strings.Join(all, "")
}

// content is what is in a file: of an archive its members, of keys and certificates only what they are.
func content(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	assert.NilError(t, err)
	switch path.Ext(name) {
	case ".zip":
		var all strings.Builder
		r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		assert.NilError(t, err)
		for _, f := range r.File {
			fmt.Fprintf(&all, "--- %s %s\n", f.Mode(), f.Name)
		}
		return all.String()
	case ".pem", ".crt", ".prv":
		var all strings.Builder
		for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
			all.WriteString("<" + block.Type + ">\n")
		}
		return all.String()
	case ".p7m":
		head, _, _ := bytes.Cut(data, []byte("\n\n"))
		return string(head) + "\n\n<CMS>\n"
	}
	if len(data) > 0 && data[len(data)-1] != '\n' {
		data = append(data, "<no newline>\n"...)
	}
	return string(data)
}

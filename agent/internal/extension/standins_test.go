package extension_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/status"
)

// standin reads a package of testdata/standins.
func standin(t *testing.T, name string) pack {
	t.Helper()
	p := pack{"bin/shim": "-"}
	fsys := os.DirFS("testdata/standins/" + name)
	assert.NilError(t, fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, path)
		p[path] = string(data)
		return err
	}))
	return p
}

// until polls the report until the extension named says message.
func (w *world) until(name, message string) status.Handler {
	w.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var all []status.Handler
	for range 500 {
		all = w.engine.Report()
		for _, h := range all {
			if h.Extension != nil && h.Extension.Name == name && strings.Contains(h.Extension.Message, message) {
				return h
			}
		}
		<-tick.C
	}
	w.t.Fatalf("%q never said %q: %+v", name, message, all)
	return status.Handler{}
}

func public(h goalstate.Handler, text string) goalstate.Handler {
	h.Settings[0].Public = json.RawMessage(text)
	return h
}

func TestRow66StandInForCustomScript(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "2.1.0", standin(t, "customscript"))
	h := public(wants("2.1.0", 0), `{"commandToExecute": "echo hello >>../ran; echo hello"}`)
	w.process(h)
	assert.Equal(t, w.until("", "hello").Extension.Status, status.Success)
	w.process(h)
	w.until("", "hello")
	await(t, w.root+"/var/log/azure/Contoso.Demo/handler.log")
	untilContains(t, w.root+"/var/log/azure/Contoso.Demo/handler.log", "settings 0 were processed before")
	assert.Equal(t, w.read("ran"), "hello\n")
	h.Settings[0].Seq = 1
	w.process(h)
	w.until("", "hello")
	assert.Equal(t, w.read("ran"), "hello\nhello\n")
	w.process(uninstall(h))
	assert.Assert(t, !w.exists("custom-script"))
}

func untilContains(t *testing.T, path, text string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		if data, err := os.ReadFile(path); err == nil && strings.Contains(string(data), text) {
			return
		}
		<-tick.C
	}
	t.Fatalf("%s never had %q", path, text)
}

func TestRow66NewVersionDoesNotRunTheScriptAgain(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "2.1.0", standin(t, "customscript"))
	w.shop.sell(contoso, "2.2.0", standin(t, "customscript"))
	settings := `{"commandToExecute": "echo hello >>../ran; echo hello"}`
	w.process(public(wants("2.1.0", 0), settings))
	w.until("", "hello")
	w.process(public(wants("2.2.0", 0), settings))
	untilContains(t, w.root+"/var/log/azure/Contoso.Demo/handler.log", "settings 0 were processed before")
	assert.Equal(t, w.read("ran"), "hello\n")
	assert.Equal(t, w.until("", "hello").Version, "2.2.0")
}

func TestRow67StandInForRunCommand(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.3.0", standin(t, "runcommand"))
	h := several("1.3.0", 1, "one", "two")
	h.Settings[0].Public, h.Settings[1].Public = json.RawMessage(`{"script": "echo first"}`), json.RawMessage(`{"script": "echo second"}`)
	w.process(h)
	w.until("one", "first")
	w.until("two", "second")
	h.Settings[0].State = goalstate.Disabled
	w.process(h)
	assert.Equal(t, w.report().Extension.Name, "two")
	for _, name := range []string{"config/one.1.settings", "config/one.HandlerState", "status/one.1.status"} {
		assert.Assert(t, !w.exists("Contoso.Demo-1.3.0/"+name), name)
	}
	assert.Assert(t, w.exists("Contoso.Demo-1.3.0/two.mrseq"))
}

func TestRow68StandInForApplicationHealth(t *testing.T) {
	if _, err := exec.LookPath("pkill"); err != nil {
		t.Skip("no pkill program")
	}
	w := newWorld(t)
	t.Cleanup(func() { w.endRunners() })
	w.shop.sell(contoso, "2.0.0", standin(t, "apphealth"))
	w.shop.sell(contoso, "2.0.1", standin(t, "apphealth"))
	w.process(wants("2.0.0", 0))
	assert.Equal(t, w.until("", "beat").Extension.Substatus[0].Name, "AppHealthStatus")
	first := w.runners()
	w.restart()
	w.until("", "beat")
	assert.NilError(t, syscall.Kill(first[0], 0), "the runner did not survive the agent")
	w.process(wants("2.0.1", 1))
	w.until("", "beat")
	assert.Assert(t, gone(first[0]), "the old runner still runs")
	w.process(uninstall(wants("2.0.1", 1)))
	for _, pid := range w.runners() {
		assert.Assert(t, gone(pid))
	}
}

func (w *world) runners() []int {
	w.t.Helper()
	var pids []int
	for _, line := range strings.Fields(w.read("runners")) {
		var pid int
		_, err := fmt.Sscan(line, &pid)
		assert.NilError(w.t, err)
		pids = append(pids, pid)
	}
	return pids
}

func (w *world) endRunners() {
	data, err := os.ReadFile(w.lib("runners"))
	if err != nil {
		return
	}
	for line := range strings.FieldsSeq(string(data)) {
		var pid int
		if _, err := fmt.Sscan(line, &pid); err != nil {
			continue
		}
		cmd, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && strings.Contains(string(cmd), "standin-health") {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// TestRow69ShimFindsItsLogFolderOnlyInOurSpelling shows why the spelling matters: the same shim goes astray on the same
// document written compactly.
func TestRow69ShimFindsItsLogFolderOnlyInOurSpelling(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "2.1.0", standin(t, "customscript"))
	w.process(public(wants("2.1.0", 0), `{"commandToExecute": "true"}`))
	logs := w.root + "/var/log/azure/Contoso.Demo/handler.log"
	w.until("", "[stdout]")
	before, err := os.ReadDir(w.lib("Contoso.Demo-2.1.0"))
	assert.NilError(t, err)

	var doc any
	file := w.lib("Contoso.Demo-2.1.0/HandlerEnvironment.json")
	assert.NilError(t, json.Unmarshal([]byte(w.read("Contoso.Demo-2.1.0/HandlerEnvironment.json")), &doc))
	compact, err := json.Marshal(doc)
	assert.NilError(t, err)
	assert.NilError(t, os.WriteFile(file, compact, 0o600))
	assert.NilError(t, os.Remove(logs))
	w.process(public(wants("2.1.0", 1), `{"commandToExecute": "true"}`))
	w.until("", "[stdout]")
	_, err = os.Stat(logs)
	assert.Assert(t, os.IsNotExist(err))
	after, err := os.ReadDir(w.lib("Contoso.Demo-2.1.0"))
	assert.NilError(t, err)
	grown := slices.DeleteFunc(names(after), func(n string) bool { return slices.Contains(names(before), n) || n == "mrseq" })
	assert.Assert(t, cmp.Len(grown, 1))
	assert.Assert(t, strings.HasPrefix(grown[0], "[{"), grown[0])
}

func names(entries []fs.DirEntry) []string {
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

package inspect_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/waagent-go/waagent/agent/internal/certs"
	"github.com/waagent-go/waagent/agent/internal/inspect"
)

func samples(t testing.TB, pattern string) []string {
	t.Helper()
	all, err := filepath.Glob(pattern)
	assert.NilError(t, err)
	var list []string
	for _, name := range all {
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() && !strings.HasSuffix(name, ".golden") && filepath.Base(name) != "README" {
			list = append(list, name)
		}
	}
	return list
}

func TestEveryKindIsUnderstood(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	code := inspect.Run(samples(t, "testdata/*"), nil, &out, &errs)
	assert.Equal(t, code, 0, errs.String())
	golden.Assert(t, out.String(), "all.golden")
	assert.Assert(t, !strings.Contains(out.String(), "SECRET"))
	kinds := map[string]bool{}
	for line := range strings.Lines(out.String()) {
		var head struct{ Kind string }
		assert.NilError(t, json.Unmarshal([]byte(line), &head))
		kinds[head.Kind] = true
	}
	for _, kind := range strings.Fields("versions goalState extensionsConfig vmSettings hostingEnvironment sharedConfig manifest certificates remoteAccess artifactsProfile ovfEnvironment handlerManifest handlerEnvironment settings status heartbeat policy configuration dhcpReply lease") {
		assert.Assert(t, kinds[kind], kind)
	}
}

func TestWhatCannotBeUnderstoodIsNamedWithItsPlace(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	code := inspect.Run(append(samples(t, "testdata/broken/*"), "testdata/versions.xml"), nil, &out, &errs)
	assert.Equal(t, code, 1)
	assert.Equal(t, strings.Count(out.String(), "\n"), 1) // the good one
	golden.Assert(t, errs.String(), "broken.golden")
	// A line of waagent.conf that makes no sense is a warning, so a configuration is never broken.
	for _, kind := range strings.Fields("versions goalState extensionsConfig vmSettings hostingEnvironment sharedConfig manifest certificates remoteAccess artifactsProfile ovfEnvironment handlerManifest handlerEnvironment settings status heartbeat policy dhcpReply lease") {
		assert.Assert(t, strings.Contains(errs.String(), ": "+kind+": "), kind)
	}
}

func TestStandardInputAndUsage(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	assert.Equal(t, inspect.Run([]string{"-"}, strings.NewReader(`{"onHold":true}`), &out, &errs), 0)
	assert.Equal(t, out.String(), `{"file":"-","kind":"artifactsProfile","onHold":true}`+"\n")
	for _, args := range [][]string{nil, {"-bogus", "x"}, {"-transport-key"}, {"-transport-key", "testdata/README", "x"}} {
		assert.Equal(t, inspect.Run(args, nil, &out, &errs), 2, "%v", args)
	}
	assert.Equal(t, inspect.Run([]string{"-help"}, nil, &out, &errs), 0)
	assert.Equal(t, inspect.Run([]string{"testdata/none"}, nil, &out, &errs), 1)
}

func FuzzDescribe(f *testing.F) {
	for _, name := range append(samples(f, "testdata/*"), samples(f, "testdata/broken/*")...) {
		data, err := os.ReadFile(name)
		assert.NilError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := inspect.Describe("f", data, certs.Transport{})
		if err != nil {
			return
		}
		var head struct{ File, Kind string }
		assert.NilError(t, json.Unmarshal(got, &head), "%s", got)
		assert.Equal(t, head.File, "f")
		assert.Assert(t, head.Kind != "")
		again, err := inspect.Describe("f", data, certs.Transport{})
		assert.NilError(t, err)
		assert.DeepEqual(t, again, got)
	})
}

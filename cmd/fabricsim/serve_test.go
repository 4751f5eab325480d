package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/cmd/internal/flags"
	"github.com/waagent-go/waagent/fabricsim/control"
)

func TestServePrintsWhereItListensAndStopsWhenTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	vm := filepath.Join(dir, "vm.yaml")
	assert.NilError(t, os.WriteFile(vm, []byte("id: web01\naddresses: [127.0.0.1]\n"), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	var stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		args := []string{"-control", "unix:" + filepath.Join(dir, "control"), "-vm", vm, "-journal", filepath.Join(dir, "journal")}
		ended <- serve(ctx, args, w, &stderr)
	}()
	env := map[string]string{}
	for lines := bufio.NewScanner(r); lines.Scan(); { // to their end: serve closes its output
		name, value, ok := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "=")
		assert.Assert(t, ok, lines.Text())
		env[name] = value
	}
	assert.Equal(t, len(env), 5, "%v", env)

	resp, err := http.Get(env["FABRICSIM_WIRESERVER"] + "/?comp=versions")
	assert.NilError(t, err)
	assert.NilError(t, resp.Body.Close())
	assert.Equal(t, resp.StatusCode, 200)
	c := control.NewClient(env["FABRICSIM_CONTROL"])
	ids, err := c.VMs(t.Context())
	assert.NilError(t, err)
	assert.DeepEqual(t, ids, []string{"web01"})
	entries, err := c.Journal(t.Context(), 1, 0, 0)
	assert.NilError(t, err)
	assert.Equal(t, entries[0].VM, "web01")

	cancel()
	assert.Equal(t, <-ended, flags.Done, stderr.String())
	written, err := os.ReadFile(filepath.Join(dir, "journal"))
	assert.NilError(t, err)
	assert.Assert(t, bytes.Contains(written, []byte(`"route":"versions"`)))
}

func TestServeSaysWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"an unknown flag":    {[]string{"-colour"}, flags.Usage, "colour"},
		"an operand":         {[]string{"x"}, flags.Usage, "unexpected operand"},
		"an address of none": {[]string{"-listen", "192.0.2.1"}, flags.No, "192.0.2.1"},
		"a VM of nowhere":    {[]string{"-vm", "/nowhere.yaml"}, flags.No, "/nowhere.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			assert.Equal(t, serve(t.Context(), tc.args, &stdout, &stderr), tc.code)
			assert.Assert(t, strings.Contains(stderr.String(), tc.says), stderr.String())
			assert.Equal(t, stdout.String(), "")
		})
	}
}

func TestAMistakeInAVMsSpecIsNamedByFileLineAndField(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "vm.yaml")
	assert.NilError(t, os.WriteFile(path, []byte("id: web01\nadresses: [127.0.0.1]\nno_password: perhaps\n"), 0o600))
	var stdout, stderr bytes.Buffer
	assert.Equal(t, serve(t.Context(), []string{"-vm", path}, &stdout, &stderr), flags.No)
	assert.Assert(t, strings.Contains(stderr.String(), path+": line 2: unknown field \"adresses\"\n"+
		path+": line 3: no_password: want true or false, not \"perhaps\"\n"), stderr.String())
}

func TestEveryCommandHasHelp(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	assert.Equal(t, run([]string{"help"}, &stdout, &stderr), flags.Done)
	for _, c := range commands() {
		assert.Assert(t, strings.Contains(stdout.String(), "\n  "+c.name), "%s is not listed", c.name)
		var help bytes.Buffer
		assert.Equal(t, run([]string{c.name, "-help"}, &help, &stderr), flags.Done)
		assert.Assert(t, strings.Contains(help.String(), "Usage: fabricsim "+c.name), help.String())
		assert.Assert(t, strings.Contains(help.String(), "Exit codes: "), help.String())
	}
	assert.Equal(t, run(nil, &stdout, &stderr), flags.Usage)
	assert.Equal(t, run([]string{"dance"}, &stdout, &stderr), flags.Usage)
}

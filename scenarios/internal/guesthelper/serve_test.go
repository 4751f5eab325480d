package guesthelper

import (
	"bufio"
	"encoding/json"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

// host is the other end of a helper's port.
type host struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func serve(t *testing.T) host {
	t.Helper()
	a, b := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		Serve(t.Context(), b, "boot-1") //nolint:errcheck // ends when the test closes its end
	}()
	t.Cleanup(func() { a.Close(); <-done })
	h := host{t: t, conn: a, in: bufio.NewReader(a)}
	h.line() // the end of what a reboot may have cut off
	var hello Hello
	assert.NilError(t, json.Unmarshal(h.line(), &hello))
	assert.Equal(t, hello.Hello, "boot-1")
	return h
}

func (h host) line() []byte {
	h.t.Helper()
	line, err := h.in.ReadBytes('\n')
	assert.NilError(h.t, err)
	return line
}

func (h host) send(r Request) {
	h.t.Helper()
	assert.NilError(h.t, json.NewEncoder(h.conn).Encode(r))
}

func (h host) answer() Response {
	h.t.Helper()
	var r Response
	assert.NilError(h.t, json.Unmarshal(h.line(), &r))
	return r
}

func (h host) ask(r Request) Response {
	h.t.Helper()
	h.send(r)
	return h.answer()
}

func TestProgramsRunWithInputAndExitCode(t *testing.T) {
	t.Parallel()
	h := serve(t)
	got := h.ask(Request{ID: 7, Op: "exec", Argv: []string{"sh", "-c", "cat; echo err >&2; exit 5"}, Data: []byte("in")})
	assert.DeepEqual(t, got, Response{ID: 7, Stdout: []byte("in"), Stderr: []byte("err\n"), ExitCode: 5})
	assert.Equal(t, h.ask(Request{Op: "exec", Argv: []string{"sh", "-c", "kill -9 $$"}}).ExitCode, 128+9)
	assert.Equal(t, h.ask(Request{Op: "exec", Argv: []string{"no-such-program"}}).ExitCode, 127)
	assert.Assert(t, h.ask(Request{Op: "exec"}).Error != "")
	assert.Assert(t, h.ask(Request{Op: "exec", Argv: []string{"true"}, User: "no-such-user"}).Error != "")
}

func TestAProgramsEnvironmentIsNotTheHelpers(t *testing.T) {
	t.Setenv("SECRET", "x")
	got := serve(t).ask(Request{Op: "exec", Argv: []string{"env"}})
	assert.Equal(t, string(got.Stdout), "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"+
		"HOME=/root\nUSER=root\nLOGNAME=root\nSHELL=/bin/sh\nLANG=C.UTF-8\nTERM=dumb\n")
}

// A slow request does not hold up the next, and cancelling it kills all that it started.
func TestACancelledProgramDies(t *testing.T) {
	t.Parallel()
	h := serve(t)
	pid := filepath.Join(t.TempDir(), "pid")
	h.send(Request{ID: 1, Op: "exec", Argv: []string{"sh", "-c", "sleep 1000 & echo $! > " + pid + "; wait"}})
	assert.Equal(t, h.ask(Request{ID: 2, Op: "ping"}).ID, uint64(2))
	deadline := time.Now().Add(10 * time.Second)
	for h.ask(Request{ID: 3, Op: "read", Path: pid}).Data == nil {
		assert.Assert(t, time.Now().Before(deadline), "the program did not start")
	}
	h.send(Request{ID: 1, Op: "cancel"})
	got := h.answer()
	assert.Equal(t, got.ID, uint64(1))
	assert.Equal(t, got.Error, "cancelled")
}

func TestABackgroundChildDoesNotHoldUpTheAnswer(t *testing.T) {
	t.Parallel()
	got := serve(t).ask(Request{Op: "exec", Argv: []string{"sh", "-c", "sleep 1000 & echo $!"}})
	assert.Equal(t, got.ExitCode, 0)
	assert.Equal(t, got.Error, "")
	execute(t.Context(), Request{Argv: []string{"kill", string(got.Stdout[:len(got.Stdout)-1])}})
}

func TestFilesAreReplacedWithTheirMode(t *testing.T) {
	t.Parallel()
	h := serve(t)
	path := filepath.Join(t.TempDir(), "a", "b")
	for _, mode := range []fs.FileMode{0o640, 0o755} {
		assert.Equal(t, h.ask(Request{Op: "write", Path: path, Data: []byte{0, 255}, Mode: uint32(mode)}).Error, "")
		info, err := os.Stat(path)
		assert.NilError(t, err)
		assert.Equal(t, info.Mode(), mode)
		assert.DeepEqual(t, h.ask(Request{Op: "read", Path: path}).Data, []byte{0, 255})
	}
	assert.Assert(t, h.ask(Request{Op: "read", Path: path + "x"}).NotExist)
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	assert.NilError(t, err)
	assert.Equal(t, len(left), 0)
}

func TestALineThatCannotBeReadIsPassedOver(t *testing.T) {
	t.Parallel()
	h := serve(t)
	_, err := h.conn.Write([]byte(`{"id":1,"op":"pi` + "\n\n[]\n"))
	assert.NilError(t, err)
	assert.Equal(t, h.ask(Request{ID: 2, Op: "ping"}).ID, uint64(2))
	assert.Equal(t, h.ask(Request{ID: 3, Op: "dance"}).Error, "no operation dance")
}

func TestThePortIsFoundByItsName(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for port, name := range map[string]string{"vport1p1": "org.qemu.guest_agent.0", "vport2p1": PortName} {
		dir := filepath.Join(root, "sys/class/virtio-ports", port)
		assert.NilError(t, os.MkdirAll(dir, 0o755))
		assert.NilError(t, os.WriteFile(filepath.Join(dir, "name"), []byte(name+"\n"), 0o644))
	}
	got, err := findPort(root)
	assert.NilError(t, err)
	assert.Equal(t, got, filepath.Join(root, "dev/vport2p1"))
	_, err = findPort(t.TempDir())
	assert.ErrorContains(t, err, "no virtio serial port named "+PortName)
}

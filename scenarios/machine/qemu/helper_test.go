package qemu

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/scenarios/internal/guesthelper"
)

// port is the guest's end of a helper's connection, played by the test.
func port(t *testing.T) (*helper, net.Conn, *bufio.Reader) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "h")
	h, err := listenHelper(path)
	assert.NilError(t, err)
	t.Cleanup(func() { h.Close() })
	conn, err := net.Dial("unix", path)
	assert.NilError(t, err)
	t.Cleanup(func() { conn.Close() })
	return h, conn, bufio.NewReader(conn)
}

func say(t *testing.T, conn net.Conn, line string) {
	t.Helper()
	_, err := io.WriteString(conn, line)
	assert.NilError(t, err)
}

func hear(t *testing.T, in *bufio.Reader) (r guesthelper.Request) {
	t.Helper()
	line, err := in.ReadBytes('\n')
	assert.NilError(t, err)
	assert.NilError(t, json.Unmarshal(line, &r))
	return r
}

func TestAnswersFindTheirQuestions(t *testing.T) {
	t.Parallel()
	h, conn, in := port(t)
	say(t, conn, "\n"+`{"hello":"boot-1"}`+"\n")
	answers := make(chan string, 2)
	for _, path := range []string{"a", "b"} {
		go func() {
			resp, err := h.do(t.Context(), guesthelper.Request{Op: "read", Path: path})
			answers <- fmt.Sprintf("%s=%s %v", path, resp.Data, err)
		}()
	}
	first, second := hear(t, in), hear(t, in)
	for _, r := range []guesthelper.Request{second, first} {
		line, err := json.Marshal(guesthelper.Response{ID: r.ID, Data: []byte("of " + r.Path)})
		assert.NilError(t, err)
		say(t, conn, string(line)+"\n")
		assert.Equal(t, <-answers, r.Path+"=of "+r.Path+" <nil>")
	}
}

// A reboot cuts a line off, loses what was asked, and is told from a helper that only started again.
func TestARebootFailsWhatIsOpen(t *testing.T) {
	t.Parallel()
	h, conn, in := port(t)
	say(t, conn, `{"hello":"boot-1"}`+"\n")
	lost := make(chan error, 1)
	go func() {
		_, err := h.do(t.Context(), guesthelper.Request{Op: "exec"})
		lost <- err
	}()
	hear(t, in)
	say(t, conn, `{"id":1,"stdo`+"\n"+`{"hello":"boot-2"}`+"\n")
	assert.ErrorIs(t, <-lost, errRebooted)
	boot, err := h.await(t.Context(), "boot-1")
	assert.NilError(t, err)
	assert.Equal(t, boot, "boot-2")
}

func TestGivingUpCancelsInTheGuest(t *testing.T) {
	t.Parallel()
	h, conn, in := port(t)
	say(t, conn, `{"hello":"boot-1"}`+"\n")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := h.do(ctx, guesthelper.Request{Op: "exec"})
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	asked, gaveUp := hear(t, in), hear(t, in)
	assert.Equal(t, gaveUp.Op, "cancel")
	assert.Equal(t, gaveUp.ID, asked.ID)
}

// QEMU is another one after a reboot; only a guest that will not come back answers nothing.
func TestAGuestThatIsGoneAnswersNothing(t *testing.T) {
	t.Parallel()
	h, conn, in := port(t)
	say(t, conn, `{"hello":"boot-1"}`+"\n")
	lost := make(chan error, 1)
	go func() {
		_, err := h.do(t.Context(), guesthelper.Request{Op: "exec"})
		lost <- err
	}()
	hear(t, in)
	conn.Close()
	assert.ErrorIs(t, <-lost, errRebooted)

	again, err := net.Dial("unix", h.l.Addr().String())
	assert.NilError(t, err)
	defer again.Close()
	say(t, again, `{"hello":"boot-2"}`+"\n")
	boot, err := h.await(t.Context(), "boot-1")
	assert.NilError(t, err)
	assert.Equal(t, boot, "boot-2")

	h.fail(errOff)
	_, err = h.do(t.Context(), guesthelper.Request{Op: "ping"})
	assert.ErrorIs(t, err, errOff)
}

func TestMachineProtocol(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "q")
	events := make(chan string, 1)
	q, err := listenQMP(path, func(name string, _ json.RawMessage) { events <- name })
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, q.Close()) })
	for range 2 { // as after a reboot
		conn, err := net.Dial("unix", path)
		assert.NilError(t, err)
		in := bufio.NewReader(conn)
		go func() {
			io.WriteString(conn, `{"QMP":{}}`+"\n") //nolint:errcheck // the client sees it
			for _, answer := range []string{`{"return":{"n":1}}`, `{"event":"RESET"}` + "\n" + `{"error":{"class":"X","desc":"no such device"}}`} {
				in.ReadBytes('\n')                //nolint:errcheck // likewise
				io.WriteString(conn, answer+"\n") //nolint:errcheck // likewise
			}
		}()
		got, err := q.do(t.Context(), "query", nil)
		assert.NilError(t, err)
		assert.Equal(t, string(got), `{"n":1}`)
		_, err = q.do(t.Context(), "device_del", map[string]string{"id": "x"})
		assert.ErrorContains(t, err, "no such device")
		assert.Equal(t, <-events, "RESET")
		conn.Close()
		q.drained()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = q.do(ctx, "query", nil)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}

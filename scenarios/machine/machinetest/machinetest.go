// Package machinetest is the contract of machine.Machine: every driver runs Contract over a guest it has booted.
package machinetest

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/scenarios/machine"
)

// Can says which parts of the contract a driver fulfils; for the others it must answer machine.ErrUnsupported.
type Can struct {
	Users   bool // run programs as another user
	Dial    bool // reach a TCP port of the guest
	Reboot  bool
	Console bool
}

// Contract checks m, a booted Linux guest with a shell and the coreutils. Close is not called.
func Contract(t *testing.T, m machine.Machine, can Can) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	for _, c := range []struct {
		name string
		test func(*testing.T, context.Context, machine.Machine)
	}{
		{"a program's output and exit code come back", output},
		{"standard input reaches the program", input},
		{"a missing program is exit code 127", missingProgram},
		{"a large output comes back whole", largeOutput},
		{"programs run side by side", sideBySide},
		{"a program dies with its context", cancelled},
		{"files are written, with their mode, and read", files},
		{"a missing file is fs.ErrNotExist", missingFile},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, ctx, m) })
	}
	t.Run("a program runs as the user asked for", func(t *testing.T) { users(t, ctx, m, can.Users) })
	t.Run("a TCP port can be reached", func(t *testing.T) { dial(t, ctx, m, can.Dial) })
	t.Run("a reboot gives a new boot with the same disk", func(t *testing.T) { reboot(t, ctx, m, can.Reboot) })
	t.Run("the console was recorded", func(t *testing.T) {
		if can.Console {
			assert.Assert(t, len(m.Console()) > 0)
		}
	})
}

func sh(t *testing.T, ctx context.Context, m machine.Machine, script string) machine.Result {
	t.Helper()
	r, err := m.Exec(ctx, machine.Command{Argv: []string{"/bin/sh", "-c", script}})
	assert.NilError(t, err)
	return r
}

func output(t *testing.T, ctx context.Context, m machine.Machine) {
	r := sh(t, ctx, m, "echo out; echo err >&2; exit 3")
	assert.DeepEqual(t, r, machine.Result{Stdout: []byte("out\n"), Stderr: []byte("err\n"), ExitCode: 3})
}

func input(t *testing.T, ctx context.Context, m machine.Machine) {
	r, err := m.Exec(ctx, machine.Command{Argv: []string{"tr", "a-z", "A-Z"}, Stdin: []byte("hello\x00world\n")})
	assert.NilError(t, err)
	assert.Equal(t, string(r.Stdout), "HELLO\x00WORLD\n")
}

func missingProgram(t *testing.T, ctx context.Context, m machine.Machine) {
	r, err := m.Exec(ctx, machine.Command{Argv: []string{"no-such-program"}})
	assert.NilError(t, err)
	assert.Equal(t, r.ExitCode, 127)
}

func largeOutput(t *testing.T, ctx context.Context, m machine.Machine) {
	r := sh(t, ctx, m, "head -c 3000000 /dev/zero")
	assert.Equal(t, len(r.Stdout), 3000000)
}

func sideBySide(t *testing.T, ctx context.Context, m machine.Machine) {
	const fifo = "/tmp/machinetest.fifo"
	sh(t, ctx, m, "rm -f "+fifo+"; mkfifo "+fifo)
	got := make(chan string, 1)
	go func() {
		r, err := m.Exec(ctx, machine.Command{Argv: []string{"cat", fifo}})
		got <- string(r.Stdout)
		_ = err // seen as a wrong output
	}()
	sh(t, ctx, m, "echo through > "+fifo)
	assert.Equal(t, <-got, "through\n")
}

func cancelled(t *testing.T, ctx context.Context, m machine.Machine) {
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := m.Exec(short, machine.Command{Argv: []string{"sleep", "987654"}})
	assert.Assert(t, errors.Is(err, context.DeadlineExceeded), "%v", err)
	r := sh(t, ctx, m, `for i in 1 2 3 4 5 6 7 8 9 10; do grep -lsz 98765[4] /proc/[0-9]*/cmdline >/dev/null || exit 0; sleep 0.5; done; exit 1`)
	assert.Equal(t, r.ExitCode, 0, "the program still runs")
}

func files(t *testing.T, ctx context.Context, m machine.Machine) {
	const path = "/tmp/machinetest/deep/file"
	data := []byte("line\n\x00\xff")
	assert.NilError(t, m.WriteFile(ctx, path, data, 0o640))
	got, err := m.ReadFile(ctx, path)
	assert.NilError(t, err)
	assert.DeepEqual(t, got, data)
	assert.Equal(t, string(sh(t, ctx, m, "stat -c %a "+path).Stdout), "640\n")
	assert.NilError(t, m.WriteFile(ctx, path, []byte("short"), 0o600))
	got, err = m.ReadFile(ctx, path)
	assert.NilError(t, err)
	assert.Equal(t, string(got), "short")
}

func missingFile(t *testing.T, ctx context.Context, m machine.Machine) {
	_, err := m.ReadFile(ctx, "/no/such/file")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func users(t *testing.T, ctx context.Context, m machine.Machine, can bool) {
	r, err := m.Exec(ctx, machine.Command{Argv: []string{"id", "-un"}, User: "nobody"})
	if !can {
		assert.ErrorIs(t, err, machine.ErrUnsupported)
		return
	}
	assert.NilError(t, err)
	assert.Equal(t, string(r.Stdout), "nobody\n")
	_, err = m.Exec(ctx, machine.Command{Argv: []string{"id"}, User: "no-such-user"})
	assert.Assert(t, err != nil)
}

// dial talks to the guest's SSH server, for which it makes host keys: an image has none before it is provisioned.
func dial(t *testing.T, ctx context.Context, m machine.Machine, can bool) {
	if !can {
		_, err := m.Dial(ctx, 22)
		assert.ErrorIs(t, err, machine.ErrUnsupported)
		return
	}
	r := sh(t, ctx, m, "ssh-keygen -A && systemctl restart ssh")
	assert.Equal(t, r.ExitCode, 0, string(r.Stderr))
	conn, err := m.Dial(ctx, 22)
	assert.NilError(t, err)
	defer conn.Close()
	banner, err := bufio.NewReader(conn).ReadString('\n')
	assert.NilError(t, err)
	assert.Assert(t, cmp.Contains(banner, "SSH-2.0-"))
	_, err = m.Dial(ctx, 1) // nobody listens there
	assert.Assert(t, err != nil)
}

func reboot(t *testing.T, ctx context.Context, m machine.Machine, can bool) {
	if !can {
		assert.ErrorIs(t, m.Reboot(ctx), machine.ErrUnsupported)
		return
	}
	const kept = "/root/machinetest"
	assert.NilError(t, m.WriteFile(ctx, kept, []byte("kept"), 0o600))
	before := bootID(t, ctx, m)
	assert.NilError(t, m.Reboot(ctx))
	assert.Assert(t, bootID(t, ctx, m) != before)
	data, err := m.ReadFile(ctx, kept)
	assert.NilError(t, err)
	assert.Equal(t, string(data), "kept")
}

func bootID(t *testing.T, ctx context.Context, m machine.Machine) string {
	t.Helper()
	data, err := m.ReadFile(ctx, "/proc/sys/kernel/random/boot_id")
	assert.NilError(t, err)
	return strings.TrimSpace(string(data))
}

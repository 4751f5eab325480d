package container

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"

	"github.com/waagent-go/waagent/scenarios/machine"
)

// execute runs a program in a container and waits for its end.
func execute(ctx context.Context, engine *client.Client, id string, o client.ExecCreateOptions, stdin []byte) (machine.Result, error) {
	o.AttachStdout, o.AttachStderr, o.AttachStdin = true, true, stdin != nil
	made, err := engine.ExecCreate(ctx, id, o)
	if err != nil {
		return machine.Result{}, fmt.Errorf("run %s: %w", o.Cmd[0], err)
	}
	conn, err := engine.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
	if err != nil {
		return machine.Result{}, fmt.Errorf("run %s: %w", o.Cmd[0], err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() {
		kill(engine, made.ID)
		conn.Close()
	})
	defer stop()
	if stdin != nil {
		go func() {
			conn.Conn.Write(stdin) // a program that does not read it is no error of ours
			conn.Conn.(client.CloseWriter).CloseWrite()
		}()
	}
	var stdout, stderr bytes.Buffer
	_, err = stdcopy.StdCopy(&stdout, &stderr, conn.Reader)
	r := machine.Result{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
	if ctx.Err() != nil {
		return r, fmt.Errorf("run %s: %w", o.Cmd[0], ctx.Err())
	}
	if err != nil {
		return r, fmt.Errorf("run %s: %w", o.Cmd[0], err)
	}
	if r.ExitCode, err = exitCode(ctx, engine, made.ID); err != nil {
		return r, err
	}
	return notStarted(o.Cmd[0], r)
}

// notStarted tells a program that could not be started from one that ended with 126: the engine reports both alike and
// writes its reason where the program's output would be. A missing program is 127, as a shell has it.
func notStarted(program string, r machine.Result) (machine.Result, error) {
	said := string(bytes.TrimSpace(r.Stdout))
	switch {
	case r.ExitCode != 126 && r.ExitCode != 127,
		!strings.HasPrefix(said, "OCI runtime exec failed") && !strings.HasPrefix(said, "unable to find user"):
		return r, nil
	case strings.Contains(said, "executable file not found") || strings.Contains(said, "no such file or directory"):
		return machine.Result{Stderr: r.Stdout, ExitCode: 127}, nil
	default:
		return machine.Result{}, fmt.Errorf("run %s: %s", program, said)
	}
}

// exitCode asks until the engine has noticed that the program is over: its output ends a moment earlier.
func exitCode(ctx context.Context, engine *client.Client, exec string) (int, error) {
	for {
		state, err := engine.ExecInspect(ctx, exec, client.ExecInspectOptions{})
		if err != nil {
			return 0, fmt.Errorf("ask for an exit code: %w", err)
		}
		if !state.Running {
			return state.ExitCode, nil
		}
		if !pause(ctx, 5*time.Millisecond) {
			return 0, fmt.Errorf("ask for an exit code: %w", ctx.Err())
		}
	}
}

// kill ends a program that nobody waits for any longer, with all that it started: the engine makes it the leader of a
// process group, and it lives on when its streams are closed.
func kill(engine *client.Client, exec string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	state, err := engine.ExecInspect(ctx, exec, client.ExecInspectOptions{})
	if err != nil || !state.Running || state.PID <= 1 {
		return
	}
	if unix.Kill(-state.PID, unix.SIGKILL) != nil {
		_ = unix.Kill(state.PID, unix.SIGKILL) // it may be gone by now
	}
}

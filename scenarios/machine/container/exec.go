package container

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

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
	stop := context.AfterFunc(ctx, func() { conn.Close() })
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
	r.ExitCode, err = exitCode(ctx, engine, made.ID)
	return r, err
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

//go:build unix

package guesthelper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
	"time"
)

// execute runs a program and waits for it. Its process group dies with the request's context.
func execute(ctx context.Context, req Request) Response {
	if len(req.Argv) == 0 {
		return Response{Error: "exec: no program named"}
	}
	cmd, err := command(ctx, req)
	if errors.Is(err, fs.ErrNotExist) { // as a shell has it
		return Response{ExitCode: 127, Stderr: []byte(err.Error() + "\n")}
	}
	if err != nil {
		return Response{Error: err.Error()}
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(req.Data), &stdout, &stderr
	err = cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // a background child kept the output open; the program itself is done
	}
	resp := Response{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		resp.Error = "cancelled"
	case errors.As(err, &exit):
		resp.ExitCode = exitCode(exit)
	case err != nil:
		return answer(resp, err)
	}
	return resp
}

// exitCode is the program's own, or the shell's 128+n for one that a signal ended.
func exitCode(e *exec.ExitError) int {
	if ws, ok := e.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return e.ExitCode()
}

func command(ctx context.Context, req Request) (*exec.Cmd, error) {
	name := req.User
	if name == "" {
		name = "root"
	}
	home, cred, err := account(name)
	if err != nil {
		return nil, err
	}
	path := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	program := req.Argv[0]
	if found, err := lookPath(program, path); err == nil {
		program = found
	} else {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, req.Argv[1:]...)
	cmd.Args[0] = req.Argv[0]
	cmd.Env = []string{"PATH=" + path, "HOME=" + home, "USER=" + name, "LOGNAME=" + name, "SHELL=/bin/sh", "LANG=C.UTF-8", "TERM=dumb"}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: cred}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	return cmd, nil
}

// account looks a user up as the guest knows it, and the groups it is in.
func account(name string) (home string, cred *syscall.Credential, err error) {
	if name == "root" {
		return "/root", nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return "", nil, fmt.Errorf("exec as %s: %w", name, err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	ids, err3 := u.GroupIds()
	if err := errors.Join(err1, err2, err3); err != nil {
		return "", nil, fmt.Errorf("exec as %s: %w", name, err)
	}
	cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	for _, id := range ids {
		if g, err := strconv.ParseUint(id, 10, 32); err == nil {
			cred.Groups = append(cred.Groups, uint32(g))
		}
	}
	return u.HomeDir, cred, nil
}

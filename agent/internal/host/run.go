package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/waagent-go/waagent/agent/machine"
)

const (
	outputLimit  = 4 << 20         // per stream; what comes after is dropped
	stderrInErr  = 2 << 10         // of an ExitError: the end, where programs say why
	lingerOutput = 2 * time.Second // for a background child that holds the output open after the program's end
)

// systemPath is searched after the agent's own PATH: an agent started by hand or by rc often lacks the sbin folders.
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Has reports whether a program is installed.
func (m *Machine) Has(program string) bool {
	_, err := lookPath(program)
	return err == nil
}

// Run runs a program to its end, or kills it and its children when its time is over.
func (m *Machine) Run(ctx context.Context, c machine.Command) (machine.Result, error) {
	if len(c.Argv) == 0 {
		return machine.Result{}, errors.New("run: no program named")
	}
	path, err := lookPath(c.Argv[0])
	if err != nil {
		return machine.Result{ExitCode: 127}, fmt.Errorf("run %s: %w", c.Argv[0], err)
	}
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = machine.DefaultTimeout
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var stdout, stderr capture
	cmd := m.command(limited, path, c)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	m.log.Debug("run", "argv", strings.Join(c.Argv, " "))
	err = cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // the program ended well and left a daemon behind
	}
	res := machine.Result{Stdout: stdout.kept, Stderr: stderr.kept, ExitCode: exitCode(cmd.ProcessState)}
	switch {
	case err == nil:
		return res, nil
	case ctx.Err() != nil:
		return res, fmt.Errorf("run %s: %w", c.Argv[0], ctx.Err())
	case limited.Err() != nil:
		return res, fmt.Errorf("run %s: killed after %v: %w", c.Argv[0], timeout, context.DeadlineExceeded)
	case cmd.ProcessState != nil:
		return res, &machine.ExitError{Argv: c.Argv, Code: res.ExitCode, Stderr: tail(res.Stderr)}
	}
	return res, fmt.Errorf("run %s: %w", c.Argv[0], err)
}

func (m *Machine) command(ctx context.Context, path string, c machine.Command) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, c.Argv[1:]...)
	cmd.Args[0] = c.Argv[0]
	cmd.Dir = c.Dir
	cmd.Env = append(append(os.Environ(), "LC_ALL=C"), c.Env...) // outputs are read by programs, not by people
	if os.Getenv("PATH") == "" {
		cmd.Env = append(cmd.Env, "PATH="+systemPath)
	}
	if c.Stdin != nil {
		cmd.Stdin = bytes.NewReader(c.Stdin)
	}
	cmd.WaitDelay = lingerOutput
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
	return cmd
}

// lookPath finds a program; the error wraps exec.ErrNotFound.
func lookPath(program string) (string, error) {
	if strings.Contains(program, "/") {
		if err := executable(program); err != nil {
			return "", &exec.Error{Name: program, Err: exec.ErrNotFound}
		}
		return program, nil
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH") + ":" + systemPath) {
		path := filepath.Join(dir, program)
		if dir != "" && executable(path) == nil {
			return path, nil
		}
	}
	return "", &exec.Error{Name: program, Err: exec.ErrNotFound}
}

func executable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() || info.Mode()&0o111 == 0 {
		return fs.ErrPermission
	}
	return nil
}

// exitCode is -n for a program that died of signal n.
func exitCode(state *os.ProcessState) int {
	if state == nil {
		return -1
	}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return -int(ws.Signal())
	}
	return state.ExitCode()
}

func tail(b []byte) string {
	b = bytes.TrimSpace(b)
	if len(b) > stderrInErr {
		b = append([]byte("..."), b[len(b)-stderrInErr:]...)
	}
	return string(b)
}

// capture keeps the first outputLimit bytes and swallows the rest, so that a chatty program neither blocks nor fills
// the memory.
type capture struct{ kept []byte }

func (c *capture) Write(p []byte) (int, error) {
	room := outputLimit - len(c.kept)
	c.kept = append(c.kept, p[:min(room, len(p))]...)
	return len(p), nil
}

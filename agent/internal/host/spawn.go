package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"github.com/waagent-go/waagent/agent/machine"
)

// Spawned is a child of this process that is meant to stay.
type Spawned struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

var _ machine.Process = (*Spawned)(nil)

// SpawnSelf starts this program again with other arguments. The child shares the caller's output and is not stopped by
// a context: it is asked to stop by Signal.
func SpawnSelf(args, env []string, stdout, stderr io.Writer) (*Spawned, error) {
	name := os.Args[0]
	path, err := os.Executable()
	if err != nil {
		path = selfPath()
	}
	if _, err := os.Stat(path); err != nil {
		path = selfPath() // replaced or deleted since: the running image is still the one to start
	}
	s := &Spawned{done: make(chan struct{})}
	s.cmd = &exec.Cmd{Path: path, Args: append([]string{name}, args...), Env: append(os.Environ(), env...), Stdout: stdout, Stderr: stderr}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.done)
	}()
	return s, nil
}

// Pid is the child's process id.
func (s *Spawned) Pid() int { return s.cmd.Process.Pid }

// Wait returns the exit code (-n for signal n) once the child is over, or ctx's error, leaving it running.
func (s *Spawned) Wait(ctx context.Context) (int, error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-s.done:
	}
	var exit *exec.ExitError
	if s.err != nil && !errors.As(s.err, &exit) {
		return 0, s.err
	}
	return exitCode(s.cmd.ProcessState), nil
}

// Signal asks the child to stop, or kills it. A child that is over already is no error.
func (s *Spawned) Signal(kill bool) error {
	sig := syscall.SIGTERM
	if kill {
		sig = syscall.SIGKILL
	}
	if err := s.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

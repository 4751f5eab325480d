package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// HandlerCommandMain is the parent of handler commands: it reads commands from the socket that is descriptor 3, each with
// the lock of its record, and for one after the other records its start, waits, kills its process group when its time
// is over, records its end, and gives up the lock. It ends when nobody is left to send one. Binaries that use a real
// Machine call it when their first argument is HandlerCommandMode, before anything else, and exit with what it returns.
func HandlerCommandMain(_ []string) int {
	// A service stop signals everything in the agent's cgroup; the command decides for itself, its parent stays to
	// record what became of it. The signals are caught, not ignored: the command must not inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	syscall.CloseOnExec(3)
	for {
		spec, lock, err := receive(3)
		if err != nil {
			fmt.Fprintln(os.Stderr, "handler-command:", err)
			return 2
		}
		if spec == nil {
			return 0
		}
		err = serve(spec, lock)
		if _, werr := syscall.Write(3, []byte{parentDone}); err != nil || werr != nil {
			return 1 // the record says how it went; nobody listens any more
		}
	}
}

// serve runs one command; the agent may read its end once the lock is free.
func serve(spec, lock *os.File) error {
	defer lock.Close()
	command, err := readSpec(spec)
	if err != nil {
		return err
	}
	_, _ = syscall.Write(3, []byte{parentTook}) // an agent that is gone does not keep the command from running
	return command.run()
}

// receive waits for the next command; the files are nil when there will be none.
func receive(socket int) (spec, lock *os.File, err error) {
	data, control := make([]byte, 1), make([]byte, syscall.CmsgSpace(2*4))
	n, controlled := 0, 0
	for {
		n, controlled, _, _, err = syscall.Recvmsg(socket, data, control, 0)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil || n == 0 {
		return nil, nil, err
	}
	messages, err := syscall.ParseSocketControlMessage(control[:controlled])
	if err != nil || len(messages) != 1 {
		return nil, nil, errors.Join(errors.New("a command without its files"), err)
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 2 {
		return nil, nil, errors.Join(errors.New("a command without its files"), err)
	}
	for _, fd := range fds {
		syscall.CloseOnExec(fd)
	}
	return os.NewFile(uintptr(fds[0]), "spec"), os.NewFile(uintptr(fds[1]), "lock"), nil
}

func readSpec(f *os.File) (commandSpec, error) {
	defer f.Close()
	var s commandSpec
	if err := json.NewDecoder(f).Decode(&s); err != nil {
		return commandSpec{}, fmt.Errorf("read command: %w", err)
	}
	return s, nil
}

func (s commandSpec) run() error {
	rec := record{Version: 1}
	began := time.Now()
	cmd, err := s.start()
	if err != nil {
		rec.End = &commandFinal{ExitCode: -1, Error: err.Error(), Time: time.Now()}
		return rec.fail(s.Record)
	}
	pid := cmd.Process.Pid
	rec.Start = &commandStart{Pid: pid, Ticks: startTicks(pid), Boot: s.Boot, Time: began}
	werr := rec.begin(s.Record)
	timedOut := s.wait(cmd)
	rec.End = &commandFinal{
		ExitCode: exitCode(cmd.ProcessState), TimedOut: timedOut, Took: time.Since(began), Time: time.Now(),
	}
	return errors.Join(werr, rec.finish(s.Record, !s.Repeated))
}

// start runs the shell as the leader of a session and a process group of its own, with real files for its output: a daemon that
// keeps them open holds nobody up.
func (s commandSpec) start() (*exec.Cmd, error) {
	cmd := exec.Command("/bin/sh", "-c", s.Line)
	cmd.Dir = s.Dir
	cmd.Env = append(s.Env, os.Environ()...) // the later one of two equal names counts: the agent's own wins
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	stdout, err := createOutput(s.Stdout)
	if err != nil {
		return nil, err
	}
	defer stdout.Close()
	stderr, err := createOutput(s.Stderr)
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return cmd, nil
}

func createOutput(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
}

// wait waits for the shell alone, at most for the time it has, and says whether that was not enough.
func (s commandSpec) wait(cmd *exec.Cmd) (timedOut bool) {
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the exit code is in cmd.ProcessState
		close(done)
	}()
	timer := time.NewTimer(s.Timeout)
	defer timer.Stop()
	select {
	case <-done:
		return false
	case <-timer.C:
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may be gone by now
	<-done
	return true
}

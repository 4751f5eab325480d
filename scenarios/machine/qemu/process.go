package qemu

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/waagent-go/waagent/scenarios/internal/reap"
)

// dirPrefix begins the name of every guest's folder, by which package reap finds those that dead runs left.
const dirPrefix = "waagent-vm-"

// process is a running QEMU.
type process struct {
	pid    int
	gone   context.Context // done when it has ended
	stderr *bytes.Buffer   // read after gone
	err    error           // likewise
	cmd    *exec.Cmd
}

// startProcess runs QEMU such that it does not outlive this process.
func startProcess(argv []string, dir string) (*process, error) {
	gone, end := context.WithCancel(context.Background())
	p := &process{gone: gone, stderr: new(bytes.Buffer), cmd: exec.Command(argv[0], argv[1:]...)}
	p.cmd.Stderr, p.cmd.Dir = p.stderr, dir
	p.cmd.SysProcAttr = dieWithParent()
	started := make(chan error)
	go func() {
		// The kernel takes the death of the starting thread for that of the parent, so that thread must stay.
		runtime.LockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
		}
		end()
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	p.pid = p.cmd.Process.Pid
	return p, os.WriteFile(filepath.Join(dir, reap.PidFile), []byte(strconv.Itoa(p.pid)), 0o644)
}

// why explains an end that nobody asked for.
func (p *process) why() error {
	return fmt.Errorf("%s ended: %v: %s", p.cmd.Args[0], p.err, strings.TrimSpace(p.stderr.String()))
}

func (p *process) kill(ctx context.Context) error {
	p.cmd.Process.Kill() //nolint:errcheck // it may have ended by itself
	select {
	case <-p.gone.Done():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

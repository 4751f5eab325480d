package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// What a parent answers to a command: first that it has it, then that its end is on record.
const (
	parentTook = 't'
	parentDone = 'd'
)

// parentRest is how long a parent without work stays: the start of one costs more than most commands of handlers.
const parentRest = 2 * time.Second

// parent is a process that runs handler commands, one at a time. It takes each from conn as a message with two files:
// the command's description and the lock of its record. When conn is closed it ends, but not before its command.
type parent struct {
	conn *net.UnixConn
	cmd  *exec.Cmd
}

// close lets the parent end.
func (p *parent) close() {
	p.conn.Close()
	go func() { _ = p.cmd.Wait() }() // what it has to say is on record
}

// parents keeps one that has no work.
type parents struct {
	mu   sync.Mutex
	idle *parent
	over *time.Timer
}

// take returns the parent without work, nil if there is none.
func (s *parents) take() *parent {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.idle
	s.idle = nil
	if p != nil {
		s.over.Stop()
	}
	return p
}

// keep has a parent ready for the next command, for a while.
func (s *parents) keep(p *parent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle != nil {
		p.close()
		return
	}
	s.idle = p
	s.over = time.AfterFunc(parentRest, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.idle == p {
			s.idle = nil
			p.close()
		}
	})
}

func startParent() (*parent, error) {
	syscall.ForkLock.RLock() // a program started meanwhile must not get the sockets: its copy would keep a parent waiting
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("start the command's parent: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "parent"), os.NewFile(uintptr(fds[1]), "agent")
	defer ours.Close()
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, fmt.Errorf("start the command's parent: %w", err)
	}
	cmd := exec.Command(selfPath(), HandlerCommandMode)
	cmd.Args[0] = filepath.Base(os.Args[0])
	cmd.ExtraFiles = []*os.File{theirs} // 3
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the command's parent: %w", errors.Join(err, conn.Close()))
	}
	return &parent{conn.(*net.UnixConn), cmd}, nil
}

// run hands a command over and waits until its end is on record, and says whether the parent has taken it.
func (p *parent) run(ctx context.Context, spec, lock *os.File) (taken bool, err error) {
	files := syscall.UnixRights(int(spec.Fd()), int(lock.Fd()))
	if _, _, err := p.conn.WriteMsgUnix([]byte{0}, files, nil); err != nil {
		return false, err
	}
	stop := context.AfterFunc(ctx, func() { p.conn.Close() })
	defer stop()
	for answer := []byte{0}; ; {
		if _, err := p.conn.Read(answer); err != nil {
			return taken, err
		}
		switch answer[0] {
		case parentTook:
			taken = true
		case parentDone:
			return taken, nil
		}
	}
}

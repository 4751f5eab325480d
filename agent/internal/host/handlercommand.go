package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/waagent-go/waagent/agent/machine"
)

// HandlerCommandMode is the hidden first argument that makes this binary the parent of a handler command. A test
// binary that drives a real Machine must answer it too: see HandlerCommandMain.
const HandlerCommandMode = "handler-command"

// cutOff is the exit code of a command whose parent was killed by hand in the boot that still runs.
const cutOff = -int(syscall.SIGKILL)

// RunHandler runs a handler command in the care of a small parent process, an instance of this binary in a session
// of its own, which serves the commands of a while one after the other. The parent holds a lock beside c.Record from
// before the command's start until after its end is on record, so that whoever gets the lock knows the command is not running, whatever became of the agent that started
// it. All paths of c are the running system's, not the guest's: the command line names them as well.
func (m *Machine) RunHandler(ctx context.Context, c machine.HandlerCommand) (machine.CommandEnd, error) {
	lock, err := lockRecord(ctx, c.Record)
	if err != nil {
		return machine.CommandEnd{}, fmt.Errorf("lock %s: %w", c.Record, err)
	}
	defer lock.Close() // the parent, if there is one, keeps its own copy of the descriptor and with it the lock
	rec, err := readRecord(c.Record)
	switch {
	case err != nil:
		m.log.Warn("unreadable command record is set aside", "record", c.Record, "error", err.Error())
		if err := os.Rename(c.Record, c.Record+".bad"); err != nil {
			return machine.CommandEnd{}, err
		}
	case rec.End != nil && !rec.wentDown(m.BootID()):
		return rec.End.result()
	case rec.Start != nil:
		if err := m.waitOrphan(ctx, rec.Start); err != nil {
			return machine.CommandEnd{}, err
		}
	}
	if c.Line == "" {
		return machine.CommandEnd{}, machine.ErrNoCommand
	}
	if err := m.startAndWait(ctx, c, lock); err != nil {
		return machine.CommandEnd{}, err
	}
	rec, err = readRecord(c.Record)
	if err != nil {
		return machine.CommandEnd{}, err
	}
	if rec.End == nil {
		return machine.CommandEnd{ExitCode: cutOff}, nil
	}
	return rec.End.result()
}

// waitOrphan waits for a command of this boot whose parent is gone: its end cannot be known, so it will be run again,
// but not beside itself.
func (m *Machine) waitOrphan(ctx context.Context, s *commandStart) error {
	if s.Boot != m.BootID() || s.Pid == 0 {
		return nil
	}
	m.log.Info("waiting for a command that lost its parent", "pid", s.Pid)
	return waitForeign(ctx, s.Pid, s.Ticks)
}

// startAndWait hands the command to a parent and waits until it is over.
func (m *Machine) startAndWait(ctx context.Context, c machine.HandlerCommand, lock *os.File) error {
	spec, err := specFile(c, m.BootID())
	if err != nil {
		return err
	}
	defer spec.Close()
	for {
		p, used := m.parents.take(), true
		if p == nil {
			if p, err = startParent(); err != nil {
				return err
			}
			used = false
		}
		taken, err := p.run(ctx, spec, lock)
		if err == nil {
			m.parents.keep(p)
			return nil
		}
		p.close()
		switch {
		case ctx.Err() != nil:
			return ctx.Err() // the command goes on without us
		case taken:
			return nil // how it ended is on record
		case !used:
			return fmt.Errorf("the command's parent did not take it: %w", err)
		}
	}
}

// specFile is the command as an open file without a name: a path on the parent's command line would match the
// `pkill -f` with which some packages end their own processes.
func specFile(c machine.HandlerCommand, boot string) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(c.Record), ".command.*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	err = json.NewEncoder(f).Encode(commandSpec{HandlerCommand: c, Boot: boot})
	if _, serr := f.Seek(0, 0); err == nil {
		err = serr
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

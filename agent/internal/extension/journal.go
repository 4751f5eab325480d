package extension

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/waagent-go/waagent/agent/machine"
)

// journal is the memory of one handler's move from one version to another, or to none, across deaths of the agent:
// a folder with the records of the commands that the move has run so far. It is deleted some time after the move is
// over, well or not; while it is there, a command whose end is on record is not run again.
type journal struct {
	e    *Engine
	name string // the handler's
	journalFile
}

type journalFile struct {
	Version   int    `json:"version"`
	GoalState string `json:"goalState"`
	From      string `json:"from"` // version that is moved away from, "" for none
	To        string `json:"to"`   // version moved to, "" for an uninstall
	Setup     bool   `json:"setup"`
}

func (j *journal) dir() string { return path.Join(j.e.o.LibDir, "state", "commands", j.name) }

// record is the guest path of a command's record.
func (j *journal) record(op operation, h aHandler, extension string) string {
	return path.Join(j.dir(), op.name+"_"+h.version.String()+"_"+extension+".json")
}

// has says whether a command was at least started in this move.
func (j *journal) has(op operation, h aHandler, extension string) bool {
	return j.e.o.Files.Exists(j.record(op, h, extension))
}

// openJournal continues the move to version `to` that an earlier agent began, or begins one. What another move left is
// waited for and brought into the handlers' states first.
func (e *Engine) openJournal(ctx context.Context, name, goalState, to string) (*journal, error) {
	j := &journal{e: e, name: name}
	data, err := e.o.Files.ReadFile(path.Join(j.dir(), "journal.json"))
	if err == nil {
		err = json.Unmarshal(data, &j.journalFile)
	}
	if e.o.Files.Exists(j.dir()) { // nobody knows what the earlier agent had brought to disk
		for _, h := range e.onDisk(name) {
			if err := e.syncFolder(h.base()); err != nil {
				return nil, err
			}
		}
	}
	if err == nil && j.To == to {
		return j, j.settle(ctx, func(op operation) bool { return op.name == opEnable.name })
	}
	if e.o.Files.Exists(j.dir()) {
		if err := j.settle(ctx, func(operation) bool { return true }); err != nil {
			return nil, err
		}
		if err := e.sync(); err != nil {
			return nil, err
		}
		if err := j.close(); err != nil {
			return nil, err
		}
	}
	j.journalFile = journalFile{Version: 1, GoalState: goalState, To: to}
	if err := e.o.Files.MkdirAll(j.dir(), 0o700); err != nil {
		return nil, err
	}
	return j, e.o.Files.Chmod(path.Join(e.o.LibDir, "state"), 0o700)
}

// save records how far the move is. What an update comes from must outlive the machine too; all else can be told from
// the records.
func (j *journal) save() error {
	if err := j.e.failpoint("write journal of %s", j.name); err != nil {
		return err
	}
	data, err := json.Marshal(j.journalFile)
	if err != nil {
		return err
	}
	write := j.e.o.Files.WriteAtomic
	if j.From == "" {
		write = j.e.o.Files.WriteSoon
	}
	return write(path.Join(j.dir(), "journal.json"), append(data, '\n'), 0o600)
}

// close ends the move. What came of it is on disk.
func (j *journal) close() error {
	if err := j.e.failpoint("close journal of %s", j.name); err != nil {
		return err
	}
	// The journal goes first: records without one are settled, never continued.
	return errors.Join(j.e.o.Files.Remove(path.Join(j.dir(), "journal.json")), j.e.o.Files.RemoveAll(j.dir()))
}

// settle waits for the commands on record that which selects, writes what their ends mean for their handlers' states,
// and forgets them.
func (j *journal) settle(ctx context.Context, which func(operation) bool) error {
	entries, err := j.e.o.Files.ReadDir(j.dir())
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		// The lock is there before the record is.
		stem, isRecord := strings.CutSuffix(entry.Name(), ".json.lock")
		parts := strings.SplitN(stem, "_", 3)
		if !isRecord || len(parts) != 3 {
			continue
		}
		op, known := operations[parts[0]]
		v, err := parseVersion(parts[1])
		if err != nil || !known || !which(op) {
			continue
		}
		if err := j.settleOne(ctx, op, aHandler{j.e, j.name, v}, parts[2]); err != nil {
			return err
		}
	}
	return nil
}

func (j *journal) settleOne(ctx context.Context, op operation, h aHandler, extension string) error {
	record := j.record(op, h, extension)
	real, err := j.e.real(record)
	if err != nil {
		return err
	}
	end, err := j.e.o.Machine.RunHandler(ctx, machine.HandlerCommand{Record: real})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		h.log().Info("A command of an earlier agent is over", "command", op.name, "exit", end.ExitCode)
		if err := j.apply(op, h, extension, end); err != nil {
			return err
		}
	}
	if err := j.e.sync(); err != nil {
		return err
	}
	return j.forget(record)
}

// apply brings a handler's state up to date with the end of a command that nobody was there to see.
func (j *journal) apply(op operation, h aHandler, extension string, end machine.CommandEnd) error {
	ok := end.ExitCode == 0 && !end.TimedOut
	switch {
	case op.name == opUninstall.name:
		return h.remove()
	case !j.e.o.Files.Exists(h.base()):
		return nil
	case op.name == opInstall.name && ok && h.state() == notInstalled:
		return h.setState(installed)
	case op.name == opUpdate.name && !ok:
		return h.setState(failedUpgrade)
	case op.name == opDisable.name && ok && h.state() == enabled:
		return h.disabled(extension)
	case op.name == opEnable.name && ok && h.state() != notInstalled:
		return h.enabled(extension)
	}
	return nil
}

// forget deletes the record of a command and what belongs to it.
func (j *journal) forget(record string) error {
	f := j.e.o.Files
	stem := strings.TrimSuffix(record, ".json")
	var all error
	for _, name := range []string{record, record + ".lock", stem + ".stdout", stem + ".stderr"} {
		all = errors.Join(all, f.Remove(name))
	}
	if all != nil {
		return fmt.Errorf("forget %s: %w", path.Base(record), all)
	}
	return nil
}

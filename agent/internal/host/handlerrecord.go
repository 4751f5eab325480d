package host

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/waagent-go/waagent/agent/machine"
)

// record is what stands in HandlerCommand.Record: a line is written at the start and another, with the start in it, at
// the end. The last complete line counts.
type record struct {
	Version int           `json:"version"`
	Start   *commandStart `json:"start,omitempty"`
	End     *commandFinal `json:"end,omitempty"`
}

// commandStart names a process beyond doubt: a pid comes back, together with its start and the boot it does not.
type commandStart struct {
	Pid   int       `json:"pid"`   // of the shell, which leads its own process group
	Ticks uint64    `json:"ticks"` // field 22 of /proc/<pid>/stat
	Boot  string    `json:"boot"`
	Time  time.Time `json:"time"`
}

type commandFinal struct {
	ExitCode int           `json:"exitCode"` // death by signal n is -n
	TimedOut bool          `json:"timedOut,omitempty"`
	Error    string        `json:"error,omitempty"` // the shell could not be started
	Took     time.Duration `json:"took"`            // nanoseconds
	Time     time.Time     `json:"time"`
}

// wentDown says that a command failed in an earlier boot with no agent left to hear of it: a machine that goes down
// takes its commands with it, and the failure is not theirs.
func (r record) wentDown(boot string) bool {
	failed := r.End.ExitCode != 0 || r.End.TimedOut
	return failed && r.Start != nil && r.Start.Boot != boot
}

func (f *commandFinal) result() (machine.CommandEnd, error) {
	if f.Error != "" {
		return machine.CommandEnd{}, errors.New(f.Error)
	}
	return machine.CommandEnd{ExitCode: f.ExitCode, TimedOut: f.TimedOut, Took: f.Took}, nil
}

// commandSpec is what the agent tells the command's parent.
type commandSpec struct {
	machine.HandlerCommand
	Boot string
}

// readRecord reads a record; one that is not there is empty.
func readRecord(path string) (record, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, nil
	}
	if err != nil {
		return record{}, err
	}
	var r record
	lines := json.NewDecoder(bytes.NewReader(data))
	for n := 0; ; n++ {
		var line record
		switch err := lines.Decode(&line); {
		case errors.Is(err, io.EOF), err != nil && n > 0: // or the machine died in the middle of a line
			return r, nil
		case err != nil:
			return record{}, fmt.Errorf("read %s: %w", path, err)
		}
		r = line
	}
}

// begin makes this the only line of the record. It is not brought to disk: a start that the machine's death wiped out
// is worth as much as none.
func (r record) begin(path string) error { return r.write(path, os.O_TRUNC, false) }

// finish adds a line that has the end, and with sync returns once it is on disk.
func (r record) finish(path string, sync bool) error { return r.write(path, os.O_APPEND, sync) }

// fail makes this, a command that never started, the only line, and returns once it is on disk.
func (r record) fail(path string) error { return r.write(path, os.O_TRUNC, true) }

func (r record) write(path string, flag int, sync bool) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|flag, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	if sync {
		err = errors.Join(err, f.Sync())
	}
	return errors.Join(err, f.Close())
}

// lockFile opens the lock of a record, making it if need be.
func lockFile(record string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(record), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(record+".lock", os.O_RDWR|os.O_CREATE, 0o600)
}

package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/waagent-go/waagent/agent/machine"
)

// record is what stands in HandlerCommand.Record.
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
	if err := json.Unmarshal(data, &r); err != nil {
		return record{}, fmt.Errorf("read %s: %w", path, err)
	}
	return r, nil
}

func (r record) write(path string) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return Files{Root: "/"}.WriteAtomic(path, append(data, '\n'), 0o600)
}

// lockFile opens the lock of a record, making it if need be.
func lockFile(record string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(record), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(record+".lock", os.O_RDWR|os.O_CREATE, 0o600)
}

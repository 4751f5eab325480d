package resourcedisk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/waagent-go/waagent/agent/internal/host"
)

// recordName is the file in the agent's folder that remembers which disk this agent formatted. It is written before
// the disk is touched, so that a formatting that was cut off is finished at the next boot; another disk (a VM that
// was moved gets a new one, an image starts on another) has another table id and is not ours.
const recordName = "resource_disk.json"

type record struct {
	Version    int    `json:"version"`
	Device     string `json:"device"`
	TableID    string `json:"tableId"`
	Filesystem string `json:"filesystem"`
	Finished   bool   `json:"finished"`
}

func readRecord(files host.Files, lib string) (record, error) {
	text, err := files.ReadFile(path.Join(lib, recordName))
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, nil
	}
	if err != nil {
		return record{}, err
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return record{}, fmt.Errorf("read %s: %w", recordName, err)
	}
	return r, nil
}

func (r record) write(files host.Files, lib string) error {
	r.Version = 1
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := files.MkdirAll(lib, 0o700); err != nil {
		return err
	}
	return files.WriteAtomic(path.Join(lib, recordName), append(text, '\n'), 0o600)
}

// names reports whether the record is about the disk with this table.
func (r record) names(t table) bool { return r.TableID != "" && r.TableID == t.ID }

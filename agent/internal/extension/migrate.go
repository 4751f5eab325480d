package extension

import (
	"path"

	"github.com/waagent-go/waagent/agent/protocol/handler"
)

// migrate takes over the states that agents before 2.1 kept in a folder of their own.
func (e *Engine) migrate() {
	f := e.o.Files
	old := path.Join(e.o.LibDir, "handler_state")
	entries, err := f.ReadDir(old)
	if err != nil {
		return
	}
	for _, entry := range entries {
		config := path.Join(e.o.LibDir, entry.Name(), handler.ConfigFolder)
		if !f.Exists(config) {
			continue
		}
		for from, to := range map[string]string{"state": handler.StateFile, "status": handler.StatusFile} {
			from, to = path.Join(old, entry.Name(), from), path.Join(config, to)
			if !f.Exists(from) || f.Exists(to) {
				continue
			}
			if err := f.Rename(from, to); err != nil {
				e.log.Warn("cannot take an old state over", "file", from, "error", err.Error())
				return // it stays for the next start
			}
		}
	}
	if err := f.RemoveAll(old); err != nil {
		e.log.Warn("cannot remove the folder of old states", "error", err.Error())
	}
}

package extension

import (
	"path"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
)

// collect removes handlers that the goal state does not name any more, without a command: only folders that a handler
// state marks as a handler's.
func (e *Engine) collect(w goalstate.Wanted) error {
	wanted := map[string]bool{}
	for _, h := range w.Handlers {
		wanted[h.Name] = true
	}
	for _, h := range e.onDisk("") {
		if wanted[h.name] {
			continue
		}
		text := h.String() + " is not in the goal state any more and is removed without being uninstalled"
		h.log().Info(text)
		h.event("UnInstall", true, text)
		if err := h.remove(); err != nil {
			return err
		}
		if err := e.o.Files.RemoveAll(path.Join(e.o.LibDir, "state", "commands", h.name)); err != nil {
			h.log().Warn("cannot remove the command records", "error", err.Error())
		}
	}
	return nil
}

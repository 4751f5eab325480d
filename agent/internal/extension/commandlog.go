package extension

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/logline"
)

// commandLog appends to the handler's CommandExecution.log, where an extension's author looks first. A named extension
// has a log of its own.
func (h aHandler) commandLog(extension, format string, args ...any) {
	f := h.e.o.Files
	if err := f.MkdirAll(h.logs(), 0o755); err != nil {
		return
	}
	base := "CommandExecution"
	if extension != "" {
		base += "_" + extension
	}
	name, err := f.Follow(path.Join(h.logs(), base+".log"))
	if err != nil {
		return
	}
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return // a log that cannot be written stops nothing
	}
	defer out.Close()
	log := slog.New(logline.New(logline.Options{
		Thread: logline.ExtHandler, Prefix: "[" + h.String() + "]", Sinks: []io.Writer{out},
	}))
	for line := range strings.SplitSeq(fmt.Sprintf(format, args...), "\n") {
		if strings.TrimSpace(line) != "" {
			log.Info(line)
		}
	}
}

package extension

import (
	"bytes"
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

// maxCommandLog is what is kept of a command log at the start of the agent.
const maxCommandLog = 10 << 20

// trimCommandLogs keeps the end of command logs that have grown too long.
func (h aHandler) trimCommandLogs() {
	f := h.e.o.Files
	for _, name := range f.Glob(path.Join(h.logs(), "CommandExecution*.log")) {
		info, err := f.Stat(name)
		if err != nil || info.Size() <= maxCommandLog {
			continue
		}
		if err := h.trim(name, info.Size()-maxCommandLog); err != nil {
			h.log().Warn("cannot shorten a command log", "file", name, "error", err.Error())
		}
	}
}

// trim drops the first bytes of a log, and the rest of the line that they end in.
func (h aHandler) trim(name string, drop int64) error {
	real, err := h.e.o.Files.Follow(name)
	if err != nil {
		return err
	}
	in, err := os.Open(real)
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := in.Seek(drop, io.SeekStart); err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(in, maxCommandLog))
	if err != nil {
		return err
	}
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		data = data[i+1:]
	}
	return h.e.o.Files.Rewrite(name, data, 0o644)
}

package tryextension

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"strings"
)

// Guest is what a trial asks of the guest; a scenario's machine is the real one.
type Guest interface {
	ReadFile(ctx context.Context, path string) ([]byte, error)
}

// output shows what the extension's commands print, command by command.
type output struct {
	guest Guest // nil: nothing is shown
	log   string
	out   io.Writer
	shown int
}

// commandLog is where the agent writes what the commands of an extension print.
func commandLog(id Identity) string {
	name := "CommandExecution.log"
	if id.MultiConfig {
		name = "CommandExecution_" + configName + ".log"
	}
	return path.Join("/var/log/azure", id.Name, name)
}

// show adds what is new since the last time. A log that cannot be read shows nothing.
func (o *output) show(ctx context.Context) {
	if o.guest == nil {
		return
	}
	data, err := o.guest.ReadFile(ctx, o.log)
	end := bytes.LastIndexByte(data, '\n') + 1
	if err != nil || end <= o.shown {
		return
	}
	stream := ""
	for line := range strings.Lines(string(data[o.shown:end])) {
		line = strings.TrimRight(line, "\n")
		if _, text, ok := strings.Cut(line, "] "); ok { // after time, level, thread and handler
			line = text
		}
		if line == "[stdout]" || line == "[stderr]" {
			stream = line // shown only if there is something in it
			continue
		}
		if stream != "" && !strings.HasPrefix(line, "Command: ") {
			fmt.Fprintf(o.out, "          | %s\n", stream)
		}
		stream = ""
		fmt.Fprintf(o.out, "          | %s\n", line)
	}
	o.shown = end
}

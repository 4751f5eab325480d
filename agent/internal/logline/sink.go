package logline

import (
	"os"

	"github.com/waagent-go/waagent/agent/internal/host"
)

// LogFile is where every agent before this one logged; it is fixed, tools and support know it.
const LogFile = "/var/log/waagent.log"

// Console is the machine's first console: what a portal user sees as the serial log.
const Console = "/dev/console"

// File is a sink that opens, appends to and closes a file for every line, so that rotation needs no signal and two
// processes may share it. Errors are swallowed: a full or read-only disk must not stop an agent.
type File struct {
	Files host.Files
	Name  string
	// Create makes the file when it is not there; the console is never made.
	Create bool
	// While, if set, is asked before every line.
	While func() bool
}

// NewFile is the sink for /var/log/waagent.log.
func NewFile(files host.Files) *File { return &File{Files: files, Name: LogFile, Create: true} }

// NewConsole is the sink for /dev/console; while is asked before every line, so that the echo ends with provisioning.
func NewConsole(files host.Files, while func() bool) *File {
	return &File{Files: files, Name: Console, While: while}
}

// Write appends line. It always claims success.
func (f *File) Write(line []byte) (int, error) {
	if f.While != nil && !f.While() {
		return len(line), nil
	}
	path, err := f.Files.Follow(f.Name)
	if err != nil {
		return len(line), nil
	}
	flags := os.O_WRONLY | os.O_APPEND
	if f.Create {
		flags |= os.O_CREATE
	}
	file, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		return len(line), nil
	}
	_, _ = file.Write(line)
	_ = file.Close()
	return len(line), nil
}

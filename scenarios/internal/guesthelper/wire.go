// Package guesthelper is the runner's hand inside a QEMU guest: a small program that the guest starts from the disk
// labelled waagent-run, and that does what it is told over a virtio serial port: run programs, read and write files.
// It is no part of the agent and knows nothing of it.
//
// The protocol is one JSON document per line in both directions. The guest speaks first, with a Hello; each Request
// is answered by one Response with its ID, in any order. After a reboot there is a new Hello, with a new boot id, and
// every request still open is lost. A line that cannot be read is the rest of one that a reboot cut off.
package guesthelper

// PortName is the virtio serial port's name.
const PortName = "io.waagent.helper"

// Hello is the first line after each start of the helper.
type Hello struct {
	Hello string `json:"hello"` // the kernel's boot id
}

// Request asks for one thing.
type Request struct {
	ID   uint64   `json:"id"`
	Op   string   `json:"op"` // ping, exec, cancel, read, write
	Argv []string `json:"argv,omitempty"`
	User string   `json:"user,omitempty"` // exec: "" is root
	Data []byte   `json:"data,omitempty"` // exec: standard input; write: content
	Path string   `json:"path,omitempty"`
	Mode uint32   `json:"mode,omitempty"` // write: permission bits
}

// Response answers one request. Error is set when it could not be done at all; a program that fails has an exit code.
type Response struct {
	ID       uint64 `json:"id"`
	Error    string `json:"error,omitempty"`
	NotExist bool   `json:"notExist,omitempty"` // Error means fs.ErrNotExist
	Stdout   []byte `json:"stdout,omitempty"`
	Stderr   []byte `json:"stderr,omitempty"`
	ExitCode int    `json:"exitCode,omitempty"`
	Data     []byte `json:"data,omitempty"` // read
}

package qemu

import (
	"bytes"
	"regexp"
)

// trouble is what a healthy kernel never says.
var trouble = regexp.MustCompile(`Kernel panic|Oops:|BUG: |kernel BUG at|general protection fault|Call Trace:|segfault at|` +
	`EXT4-fs error|Out of memory: |soft lockup|hung_task|No init found|emergency mode`)

// Trouble returns the lines of a console that fail any scenario, whatever it tests: panics, oopses, segfaults, killed
// processes, damaged filesystems.
func Trouble(console []byte) []string {
	var lines []string
	for line := range bytes.Lines(console) {
		if trouble.Match(line) {
			lines = append(lines, string(bytes.TrimSpace(line)))
		}
	}
	return lines
}

func tail(b []byte, n int) []byte {
	if len(b) > n {
		b = b[len(b)-n:]
	}
	return b
}

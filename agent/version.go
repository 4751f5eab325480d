package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"

	"github.com/waagent-go/waagent/agent/internal/cmdline"
)

// release is the agent's own version, set at link time. Four numbers, the first above every 2.x of the Python agent:
// a Python daemon prefers our package, and no directory of its own is newer than us.
var release = "3.0.0.0"

// packageDir is the name of a folder that an agent package is unpacked into.
var packageDir = regexp.MustCompile(`^WALinuxAgent-([0-9]+(?:\.[0-9]+)*)$`)

// runningVersion is release, unless this process runs in an agent package's folder: then the folder's name says.
func runningVersion() string {
	dir, err := os.Getwd()
	if err != nil {
		return release
	}
	if m := packageDir.FindStringSubmatch(filepath.Base(dir)); m != nil {
		return m[1]
	}
	return release
}

// goalStateCmdline is how a goal-state process of a package shows itself in /proc.
var goalStateCmdline = regexp.MustCompile(`/WALinuxAgent-([0-9]+(?:\.[0-9]+)+)[^\x00]*\x00(?:.*\x00)?-*run-exthandlers`)

// printVersion prints three lines; backup software parses the third.
func (p *program) printVersion() int {
	v := cmdline.Versions{
		Agent: p.version, Distro: p.distro.ID, Release: p.distro.Version, Go: runtime.Version(), GoalState: p.version,
	}
	for _, file := range p.files.Glob("/proc/*") {
		line, err := p.files.ReadFile(file + "/cmdline")
		if err != nil {
			continue
		}
		if m := goalStateCmdline.FindSubmatch(line); m != nil {
			v.GoalState = string(m[1])
			break
		}
	}
	fmt.Fprint(p.Stdout, v.Text())
	return 0
}

package images

import (
	"os"
	"slices"
	"strings"
	"syscall"
)

func mountTmpfs(dir, options string) error { return syscall.Mount("tmpfs", dir, "tmpfs", 0, options) }

// unmountBelow detaches whatever is mounted at dir or deeper, the latest first. A killed build leaves the host's proc
// and device nodes mounted in its tree, and those must be gone before anything there is removed.
func unmountBelow(dir string) {
	data, _ := os.ReadFile("/proc/self/mountinfo")
	for _, line := range slices.Backward(strings.Split(string(data), "\n")) {
		fields := strings.Fields(line)
		if len(fields) > 4 && (fields[4] == dir || strings.HasPrefix(fields[4], dir+"/")) {
			_ = syscall.Unmount(fields[4], syscall.MNT_DETACH) // one further out may have taken it along
		}
	}
}

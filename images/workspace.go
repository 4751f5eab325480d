package images

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// treeMemory is what a tree being built may take of memory, and what must be free twice for that.
const treeMemory = 3 << 30

// workspace makes a folder to build a tree in and returns what removes it. It is in memory where that is allowed and
// there is plenty: package scripts sync after every file, which makes a build on a busy disk five times slower. What a
// killed build left under the same name is removed first.
func workspace(dir string) (path string, discard func(), err error) {
	discard = func() {
		unmountBelow(dir)
		os.RemoveAll(dir)
	}
	discard()
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", nil, err
	}
	if os.Geteuid() == 0 && freeMemory() > 2*treeMemory {
		err := mountTmpfs(dir, fmt.Sprintf("size=%d,mode=755", treeMemory))
		if err != nil && !errors.Is(err, syscall.EPERM) {
			discard()
			return "", nil, fmt.Errorf("mount a workspace: %w", err)
		}
	}
	return dir, discard, nil
}

// freeMemory is the kernel's estimate of what programs can still have, in bytes; 0 where it gives none.
func freeMemory() int {
	data, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(data)) {
		var kilobytes int
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kilobytes); n == 1 {
			return kilobytes << 10
		}
	}
	return 0
}

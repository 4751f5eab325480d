package kernel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/bootline"
	"github.com/waagent-go/waagent/agent/internal/host"
)

// ErrNotNeeded means that no kernel below the root is old enough to need the option.
var ErrNotNeeded = errors.New("no kernel up to 2.6.37 is installed: virtual NUMA works on newer ones")

// numaOff is the option that keeps old kernels from stumbling over Hyper-V's virtual NUMA.
const numaOff = "numa=off"

// DisableNUMA adds numa=off to the boot lines below a root that has a kernel up to 2.6.37. This program cannot run on
// such a kernel (Go needs 3.2), so the root is that of a machine that does not run, and no tool of it is used. It
// reports which files it changed.
func DisableNUMA(ctx context.Context, files host.Files, log *slog.Logger) ([]string, error) {
	return editNUMA(ctx, files, log, bootline.Editor.Add)
}

// EnableNUMA takes the option away again.
func EnableNUMA(ctx context.Context, files host.Files, log *slog.Logger) ([]string, error) {
	return editNUMA(ctx, files, log, bootline.Editor.Remove)
}

func editNUMA(ctx context.Context, files host.Files, log *slog.Logger, edit func(bootline.Editor, context.Context, ...string) ([]string, error)) ([]string, error) {
	old := false
	for _, release := range kernels(files) {
		if needsNUMAOff(release) {
			log.Info("A kernel does not get on with virtual NUMA", "release", release)
			old = true
		}
	}
	if !old {
		return nil, ErrNotNeeded
	}
	changed, err := edit(bootline.Editor{Files: files, Log: log}, ctx, numaOff)
	if err != nil {
		return changed, fmt.Errorf("edit %s: %w", numaOff, err)
	}
	return changed, nil
}

// kernels are the releases of the kernels that are installed.
func kernels(files host.Files) []string {
	var releases []string
	for _, dir := range []string{"/lib/modules/*", "/usr/lib/modules/*"} {
		for _, name := range files.Glob(dir) {
			releases = append(releases, path.Base(name))
		}
	}
	for _, name := range files.Glob("/boot/vmlinuz-*") {
		releases = append(releases, strings.TrimPrefix(path.Base(name), "vmlinuz-"))
	}
	return releases
}

func needsNUMAOff(release string) bool {
	var major, minor, patch int
	if n, _ := fmt.Sscanf(release, "%d.%d.%d", &major, &minor, &patch); n < 3 {
		return false
	}
	return major < 2 || major == 2 && (minor < 6 || minor == 6 && patch <= 37)
}

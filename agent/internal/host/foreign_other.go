//go:build !linux

package host

import (
	"context"
	"syscall"
	"time"
)

// remoteIO is Linux's alone.
const remoteIO = syscall.EIO

// startTicks is not known here: a process is its pid.
func startTicks(int) uint64 { return 0 }

// waitForeign waits for the end of a process that is not our child. There is nothing to be told by here, so it asks.
func waitForeign(ctx context.Context, pid int, _ uint64) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for syscall.Kill(pid, 0) == nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

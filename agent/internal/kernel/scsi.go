// Package kernel sets what the platform wants of the running kernel, or of the next one: time-outs of disks, entropy,
// virtual NUMA, and RDMA.
package kernel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/repeat"
	"github.com/waagent-go/waagent/agent/machine"
)

// Runner is what this package asks of the machine.
type Runner interface {
	Run(ctx context.Context, c machine.Command) (machine.Result, error)
	Has(program string) bool
}

// SCSITimeout is the duty that gives every disk the configured time-out, root or not, and those plugged in later too.
type SCSITimeout struct {
	Files   host.Files
	Machine Runner // asked on FreeBSD only
	FreeBSD bool
	Seconds string // as configured: compared and written as text
	Period  time.Duration
	Log     *slog.Logger
}

// Name is the duty's.
func (s *SCSITimeout) Name() string { return "ScsiTimeout" }

// Run returns when ctx is done.
func (s *SCSITimeout) Run(ctx context.Context) error {
	if s.Seconds == "" {
		<-ctx.Done()
		return nil
	}
	repeat.Every(ctx, s.Period, nil, s.Log, "Cannot set the time-out of disks", s.Check)
	return nil
}

// Check sets what differs.
func (s *SCSITimeout) Check(ctx context.Context) error {
	if s.FreeBSD {
		return s.checkFreeBSD(ctx)
	}
	var errs []error
	for _, disk := range s.Files.Glob("/sys/block/sd*") {
		name := disk + "/device/timeout"
		text, err := s.Files.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue // the disk went away
		}
		first, _, _ := strings.Cut(string(text), "\n")
		if err == nil && strings.TrimSpace(first) == s.Seconds {
			continue
		}
		if err == nil {
			err = writeKernel(s.Files, name, []byte(s.Seconds))
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		s.Log.Info("Set the disk's time-out", "disk", path.Base(disk), "seconds", s.Seconds, "before", strings.TrimSpace(first))
	}
	return errors.Join(errs...)
}

func (s *SCSITimeout) checkFreeBSD(ctx context.Context) error {
	const name = "kern.cam.da.default_timeout"
	res, err := s.Machine.Run(ctx, machine.Command{Argv: []string{"sysctl", "-n", name}})
	if err == nil && strings.TrimSpace(string(res.Stdout)) == s.Seconds {
		return nil
	}
	_, err = s.Machine.Run(ctx, machine.Command{Argv: []string{"sysctl", name + "=" + s.Seconds}})
	return err
}

// writeKernel writes to a file that the kernel made; such a file cannot be replaced.
func writeKernel(files host.Files, name string, data []byte) error {
	real, err := files.Follow(name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(real, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

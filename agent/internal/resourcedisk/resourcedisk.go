// Package resourcedisk gives the VM its temporary disk: found, formatted if nothing can be lost by it, mounted, with a
// warning file and, if wanted, a swap file. It never destroys what somebody may want to keep; see decide.
package resourcedisk

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/waagent-go/waagent/agent/internal/config"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/machine"
)

// Machine is what the duty asks of the machine.
type Machine interface {
	Run(ctx context.Context, c machine.Command) (machine.Result, error)
	Has(program string) bool
	Mount(ctx context.Context, source, target, fstype, options string) error
	Unmount(ctx context.Context, target string) error
	Mounts() ([]machine.Mount, error)
}

// Disks is what the duty asks the kernel about block devices; host.Disks answers.
type Disks interface {
	Open(device string, write bool) (*os.File, error)
	Size(f *os.File) (int64, error)
	SectorSize(f *os.File) int
	Lock(ctx context.Context, f *os.File) error
	Exclusive(device string) error
	Reread(ctx context.Context, f *os.File, parts []host.Extent) error
	Tell(f *os.File, parts []host.Extent) error
	Await(ctx context.Context, path string) error
	FreeSpace(path string) (int64, error)
	Allocate(f *os.File, size int64) error
	NoCopyOnWrite(f *os.File) error
}

// Options is all that Activate needs.
type Options struct {
	Config  config.ResourceDisk
	LibDir  string
	Files   host.Files
	Machine Machine
	Disks   Disks
	Log     *slog.Logger
	Release string // of the kernel: what it can swap on depends on it
	// AdoptOnly is for a VM whose disks cloud-init looks after: what it mounted is used, nothing is mounted or formatted.
	AdoptOnly bool
	FreeBSD   bool
}

// Result is what the VM has now.
type Result struct {
	Device, Partition string
	Filesystem        string // as mounted
	MountPoint        string
	Formatted         bool   // by this call
	Adopted           bool   // was mounted already
	Swap              string // the swap file, or the encrypted device over it; "" for none
	SwapSizeMB        int
}

const (
	nodeTimeout = 30 * time.Second
	mkfsTimeout = 15 * time.Minute
)

// Activate makes the resource disk usable and turns swap on. It does nothing without ResourceDisk.Format. The result
// is filled as far as it came. The error wraps ErrNoDisk when this VM has none. A failing swap file leaves the disk in use.
func Activate(ctx context.Context, o Options) (Result, error) {
	if !o.Config.Format && !o.AdoptOnly {
		if o.Config.EnableSwap {
			o.Log.Warn("ResourceDisk.EnableSwap has no effect without ResourceDisk.Format")
		}
		return Result{}, nil
	}
	if o.FreeBSD {
		return activateFreeBSD(ctx, o)
	}
	found, err := find(o.Files, o.Config.NVMe)
	if err != nil {
		return Result{}, err
	}
	return o.use(ctx, found)
}

// use mounts the disk that was found and furnishes it.
func (o Options) use(ctx context.Context, found candidate) (Result, error) {
	res, err := o.mounted(ctx, found)
	if err != nil {
		return res, err
	}
	if err := o.warn(res.MountPoint); err != nil {
		o.Log.Warn("cannot write the data-loss notice", "path", res.MountPoint, "error", err.Error())
	}
	if o.Config.EnableSwap {
		res.Swap, res.SwapSizeMB, err = o.swap(ctx, res)
		if err != nil {
			return res, fmt.Errorf("swap: %w", err)
		}
	}
	return res, nil
}

// mounted returns once the disk is mounted.
func (o Options) mounted(ctx context.Context, found candidate) (Result, error) {
	res := Result{Device: found.device}
	if mounted, err := o.mountOf(found.device); err != nil {
		return res, err
	} else if mounted.Target != "" {
		if found.nvme && !o.formattedByUs(found) { // nobody else's is furnished with a notice and a swap file
			return res, fmt.Errorf("resource disk %s is left alone: somebody has mounted it at %s", found.device, mounted.Target)
		}
		res.Partition, res.Filesystem, res.MountPoint = mounted.Source, mounted.Type, mounted.Target
		res.Adopted = true
		o.Log.Info("resource disk is already mounted", "device", mounted.Source, "path", mounted.Target, "type", mounted.Type)
		return res, nil
	}
	if o.AdoptOnly {
		return res, fmt.Errorf("%s is not mounted, and cloud-init looks after the disks of this VM", found.device)
	}
	if err := o.mountPointFree(); err != nil {
		return res, err
	}
	lock, err := o.Disks.Open(found.device, false)
	if err != nil {
		return res, fmt.Errorf("resource disk: %w", err)
	}
	defer lock.Close() // after the mount: until then nobody may make the kernel drop the partition for a moment
	if err := o.Disks.Lock(ctx, lock); err != nil {
		return res, err
	}
	s, err := o.survey(found, lock)
	if err != nil {
		return res, err
	}
	if err := o.Disks.Tell(lock, extents(s.Table)); err != nil {
		o.Log.Debug("partitions cannot be made known", "device", found.device, "error", err.Error())
	}
	return o.carryOut(ctx, s, res)
}

// formattedByUs looks at a disk in use.
func (o Options) formattedByUs(found candidate) bool {
	f, err := o.Disks.Open(found.device, false)
	if err != nil {
		return false
	}
	defer f.Close()
	s, err := o.survey(found, f)
	return err == nil && s.Ours
}

// carryOut does what decide says, and decides once more if what was found cannot be mounted.
func (o Options) carryOut(ctx context.Context, s survey, res Result) (Result, error) {
	p := decide(s, o.Config.Filesystem)
	if p.Action == mountIt {
		err := o.mount(ctx, s, p, &res)
		if err == nil || !host.Damaged(err) {
			return res, err
		}
		p = afterDamage(s, p, o.Config.Filesystem, err)
	}
	if p.Action == refuse {
		return res, fmt.Errorf("resource disk %s is left alone: %s", s.Device, p.Reason)
	}
	o.Log.Info("formatting the resource disk", "device", s.Device, "type", p.FS, "because", p.Reason)
	began := time.Now()
	if err := o.format(ctx, s, p); err != nil {
		return res, fmt.Errorf("format %s: %w", s.Device, err)
	}
	res.Formatted = true
	o.Log.Info("formatted the resource disk", "device", s.Device, "type", p.FS, "took", time.Since(began).Round(time.Millisecond))
	p.Part = 1
	return res, o.mount(ctx, s, p, &res)
}

// Package scvmm recognises a VM that System Center Virtual Machine Manager made: its DVD carries that product's own
// installer, which takes the place of this agent.
package scvmm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/machine"
)

// marker is the file that only System Center's DVD has.
const marker = "linuxosconfiguration.xml"

// Wait is how long the installer gets before this agent ends; the service manager starts it again, and it looks anew.
const Wait = 300 * time.Second

var drives = regexp.MustCompile(`^(sr[0-9]|hd[c-z]|cdrom[0-9]?|cd[0-9]+)`)

// Machine is what detection asks of the machine.
type Machine interface {
	Run(ctx context.Context, c machine.Command) (machine.Result, error)
	Has(program string) bool
	Mount(ctx context.Context, source, target, fstype, options string) error
	Unmount(ctx context.Context, target string) error
	Mounts() ([]machine.Mount, error)
}

// Detector looks for System Center's DVD.
type Detector struct {
	Files      host.Files
	Machine    Machine
	MountPoint string // of the DVD
	Release    string // of the kernel
	Log        *slog.Logger
	// Start starts the installer and does not wait for it: host.Machine's Start.
	Start func(argv []string) error
}

// Detect starts System Center's installer if its DVD is there, and reports whether it did. The DVD stays mounted then.
func (d *Detector) Detect(ctx context.Context) (bool, error) {
	d.loadDriver(ctx)
	device, err := d.find(ctx)
	if err != nil || device == "" {
		return false, err
	}
	d.Log.Info("System Center's DVD is there, its agent is installed in place of this one", "device", device)
	installer := path.Join(d.MountPoint, "install")
	if err := d.Start([]string{"/bin/bash", installer, "-p " + d.MountPoint}); err != nil { // one argument, blank and all
		return true, fmt.Errorf("start System Center's installer: %w", err)
	}
	return true, nil
}

// find mounts each drive until one has the marker, and leaves that one mounted.
func (d *Detector) find(ctx context.Context) (string, error) {
	if device, mounted, err := d.mounted(); err != nil {
		return "", err
	} else if mounted {
		if d.Files.Exists(path.Join(d.MountPoint, marker)) {
			return device, nil
		}
		return "", nil // something else is there; its drive is not ours to take
	}
	entries, err := d.Files.ReadDir("/dev")
	if err != nil {
		return "", err
	}
	if err := d.Files.MkdirAll(d.MountPoint, 0o755); err != nil {
		return "", err
	}
	for _, e := range entries {
		if !drives.MatchString(e.Name()) {
			continue
		}
		device := "/dev/" + e.Name()
		if err := d.Machine.Mount(ctx, device, d.MountPoint, "udf,iso9660,vfat", "ro"); err != nil {
			d.Log.Debug("no System Center DVD", "device", device, "error", err.Error())
			continue
		}
		if d.Files.Exists(path.Join(d.MountPoint, marker)) {
			return device, nil
		}
		if err := d.Machine.Unmount(ctx, d.MountPoint); err != nil {
			return "", err
		}
	}
	return "", nil
}

func (d *Detector) mounted() (device string, ok bool, err error) {
	mounts, err := d.Machine.Mounts()
	i := slices.IndexFunc(mounts, func(m machine.Mount) bool { return m.Target == path.Clean(d.MountPoint) })
	if err != nil || i < 0 {
		return "", false, err
	}
	return mounts[i].Source, true, nil
}

// loadDriver makes old kernels see the IDE drive. One that has the driver built in is as good.
func (d *Detector) loadDriver(ctx context.Context) {
	if d.Files.Exists("/sys/module/ata_piix") {
		return
	}
	module := "/lib/modules/" + d.Release + "/kernel/drivers/ata/ata_piix.ko"
	if !d.Files.Exists(module) {
		return
	}
	_, err := d.Machine.Run(ctx, machine.Command{Argv: []string{"insmod", module}})
	var exit *machine.ExitError
	if errors.As(err, &exit) && strings.Contains(exit.Stderr, "exists") {
		return
	}
	if err != nil {
		d.Log.Warn("Cannot load the driver of the IDE drive", "module", module, "error", err.Error())
	}
}

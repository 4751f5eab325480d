package resourcedisk

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/waagent-go/waagent/agent/machine"
)

const noticeName = "DATALOSS_WARNING_README.txt"

const notice = `WARNING: THIS IS A TEMPORARY DISK.

Everything stored on this disk can be lost at any time, for instance when the virtual machine is moved to another
host, and there is no way to get it back.

Do not keep personal data, application data or anything else that you cannot do without on this disk.

More about it: http://msdn.microsoft.com/en-us/library/windowsazure/jj672979.aspx
`

// warn writes the notice; one that is there already is not written again.
func (o Options) warn(mountPoint string) error {
	name := path.Join(mountPoint, noticeName)
	if o.isNotice(name) {
		return nil
	}
	return o.Files.WriteAtomic(name, []byte(notice), 0o644)
}

// mountOf is where the device or one of its partitions is mounted: at the configured place if there are several.
func (o Options) mountOf(device string) (machine.Mount, error) {
	mounts, err := o.Machine.Mounts()
	if err != nil {
		return machine.Mount{}, fmt.Errorf("list mounts: %w", err)
	}
	var first machine.Mount
	for _, m := range mounts {
		if !partOf(m.Source, device) && !partOf(o.realName(m.Source), device) {
			continue
		}
		if m.Target == filepath.Clean(o.Config.MountPoint) {
			return m, nil
		}
		if first.Target == "" {
			first = m
		}
	}
	return first, nil
}

// realName follows links of udev's in a mount's source. Not every link leads to a better name.
func (o Options) realName(source string) string {
	if !strings.HasPrefix(source, "/dev/") {
		return source
	}
	if real := followDevice(o.Files, source); real != "" {
		return real
	}
	return source
}

// partOf reports whether name is the device or a partition of it: sdb1 is one of sdb, sdba1 is not.
func partOf(name, device string) bool {
	rest, ok := strings.CutPrefix(name, strings.TrimSuffix(partitionName(device, 1), "1"))
	if name == device {
		return true
	}
	return ok && rest != "" && strings.Trim(rest, "0123456789") == ""
}

// mountPointFree refuses a mount point where something else is mounted: it would be hidden.
func (o Options) mountPointFree() error {
	mounts, err := o.Machine.Mounts()
	if err != nil {
		return fmt.Errorf("list mounts: %w", err)
	}
	for _, m := range mounts {
		if m.Target == filepath.Clean(o.Config.MountPoint) && m.Target != "/" {
			return fmt.Errorf("mount point %s is taken by %s", m.Target, m.Source)
		}
	}
	return nil
}

// mount mounts what p names, and fills res.
func (o Options) mount(ctx context.Context, s survey, p plan, res *Result) error {
	device := s.Device
	if p.Part > 0 {
		device = partitionName(s.Device, p.Part)
	}
	waiting, cancel := context.WithTimeout(ctx, nodeTimeout)
	defer cancel()
	if err := o.Disks.Await(waiting, device); err != nil {
		return err
	}
	target := filepath.Clean(o.Config.MountPoint)
	if err := o.Files.MkdirAll(target, 0o755); err != nil {
		return err
	}
	if err := o.Files.Chmod(target, 0o755); err != nil {
		return err
	}
	fs := p.FS
	if fs == "ntfs" {
		fs = "ntfs3,ntfs"
	}
	err := o.Machine.Mount(ctx, device, target, fs, o.Config.MountOptions)
	if err != nil && o.Config.MountOptions != "" {
		// Options that the filesystem refuses look like damage to the kernel. They must not cost anybody his data.
		if plain := o.Machine.Mount(ctx, device, target, fs, ""); plain == nil {
			o.Log.Warn("ResourceDisk.MountOptions are refused, mounted without them", "device", device,
				"options", o.Config.MountOptions, "error", err.Error())
			err = nil
		}
	}
	if err != nil {
		return err
	}
	res.Partition, res.Filesystem, res.MountPoint = device, p.FS, target
	o.Log.Info("resource disk is mounted", "device", device, "path", target, "type", p.FS)
	return nil
}

package provision

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/waagent-go/waagent/agent/media"
	"github.com/waagent-go/waagent/agent/protocol/ovfenv"
)

// maxDocument bounds ovf-env.xml; custom data, the largest part, has at most 64 KiB.
const maxDocument = 4 << 20

// readDrive reads the document from one drive, by way of the kernel where it knows the filesystem.
func (p *Provisioner) readDrive(ctx context.Context, device string) (disc, error) {
	if target, fstype, ok := p.mountedAt(device); ok {
		document, err := p.documentIn(target)
		if target == p.Config.DVDMountPoint {
			p.unmount(ctx) // an agent that died left it
		}
		return disc{device: device, filesystem: fstype, reader: "kernel", document: document}, err
	}
	if err := p.hasMedium(device); err != nil {
		return disc{}, err
	}
	d, mountErr := p.readMounted(ctx, device)
	if mountErr == nil || errors.Is(mountErr, errNoDocument) || ctx.Err() != nil {
		return d, mountErr
	}
	d, err := p.readRaw(device)
	if err != nil && !errors.Is(err, errNoDocument) {
		return disc{}, errors.Join(mountErr, err)
	}
	return d, err
}

// mountedAt is where a device is mounted already, by an udev rule or an agent that died.
func (p *Provisioner) mountedAt(device string) (target, fstype string, ok bool) {
	mounts, err := p.Machine.Mounts()
	if err != nil {
		return "", "", false
	}
	real, _ := p.Files.Follow(device)
	for _, m := range slices.Backward(mounts) { // the last one hides the others
		if source, err := p.Files.Follow(m.Source); m.Source == device || err == nil && strings.HasPrefix(m.Source, "/dev/") && source == real {
			return m.Target, m.Type, true
		}
	}
	return "", "", false
}

// hasMedium tells an empty drive from one worth mounting: its first descriptors can be read.
func (p *Provisioner) hasMedium(device string) error {
	f, err := p.openDevice(device)
	if err != nil {
		return fmt.Errorf("the drive is empty or cannot be read: %w", err)
	}
	defer f.Close()
	var sector [512]byte
	if _, err := f.ReadAt(sector[:], 0); err != nil {
		return fmt.Errorf("the drive is empty or cannot be read: %w", err)
	}
	return nil
}

func (p *Provisioner) openDevice(device string) (*os.File, error) {
	path, err := p.Files.Follow(device)
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

func (p *Provisioner) readMounted(ctx context.Context, device string) (disc, error) {
	point := p.Config.DVDMountPoint
	if err := p.Files.MkdirAll(point, 0o755); err != nil {
		return disc{}, err
	}
	if err := p.Machine.Mount(ctx, device, point, "udf,iso9660,vfat", "ro,nosuid,nodev,noexec"); err != nil {
		return disc{}, err
	}
	defer p.unmount(ctx)
	_, fstype, _ := p.mountedAt(device)
	document, err := p.documentIn(point)
	return disc{device: device, filesystem: fstype, reader: "kernel", document: document}, err
}

func (p *Provisioner) unmount(ctx context.Context) {
	if err := p.Machine.Unmount(context.WithoutCancel(ctx), p.Config.DVDMountPoint); err != nil {
		p.Log.Warn("The provisioning media stays mounted", "target", p.Config.DVDMountPoint, "error", err)
	}
}

// documentIn reads the document in a mounted folder, whatever the case of its name.
func (p *Provisioner) documentIn(dir string) ([]byte, error) {
	entries, err := p.Files.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !strings.EqualFold(e.Name(), ovfenv.FileName) || !e.Type().IsRegular() {
			continue
		}
		path, err := p.Files.Path(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return bounded(f)
	}
	return nil, errNoDocument
}

// readRaw is for kernels without the filesystem: containers, and machines where hardening forbids udf.
func (p *Provisioner) readRaw(device string) (disc, error) {
	f, err := p.openDevice(device)
	if err != nil {
		return disc{}, err
	}
	defer f.Close()
	tree, info, err := media.Open(f)
	if err != nil {
		return disc{}, err
	}
	entries, err := fs.ReadDir(tree, ".")
	if err != nil {
		return disc{}, err
	}
	for _, e := range entries {
		if !strings.EqualFold(e.Name(), ovfenv.FileName) || e.IsDir() {
			continue
		}
		file, err := tree.Open(e.Name())
		if err != nil {
			return disc{}, err
		}
		defer file.Close()
		document, err := bounded(file)
		return disc{device: device, filesystem: strings.ToLower(info.Filesystem), reader: "agent", document: document}, err
	}
	return disc{}, errNoDocument
}

func bounded(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err == nil && len(data) > maxDocument {
		err = fmt.Errorf("%s is larger than %d bytes", ovfenv.FileName, maxDocument)
	}
	return data, err
}

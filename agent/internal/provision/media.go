package provision

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/media"
	"github.com/waagent-go/waagent/agent/protocol/ovfenv"
)

// maxDocument bounds ovf-env.xml; custom data, the largest part, has at most 64 KiB.
const maxDocument = 4 << 20

// mediaPauses are the waits between the looks at all drives: as long in all as the original's five mounts.
func mediaPauses() []time.Duration {
	return []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 10 * time.Second}
}

// disc is a provisioning document and where it was found.
type disc struct {
	device     string
	filesystem string // as the kernel names what it mounted
	reader     string // "kernel", or "agent" where the kernel could not
	document   []byte
}

// errNoDocument is a medium that is not the provisioning media.
var errNoDocument = errors.New("it holds no " + ovfenv.FileName)

// findMedia looks into every optical drive until one holds the document, and looks again for a while: a drive may show
// up late.
func (p *Provisioner) findMedia(ctx context.Context) (disc, error) {
	d, err := p.lookOnce(ctx)
	for _, wait := range mediaPauses() {
		if err == nil || ctx.Err() != nil {
			break
		}
		p.Log.Info("The provisioning media is not there yet", "reason", err, "again", wait)
		if !pause(ctx, wait) {
			break
		}
		d, err = p.lookOnce(ctx)
	}
	if ctx.Err() != nil {
		return disc{}, ctx.Err()
	}
	return d, err
}

func (p *Provisioner) lookOnce(ctx context.Context) (disc, error) {
	drives := p.drives()
	if len(drives) == 0 {
		return disc{}, errors.New("find the provisioning media: there is no optical drive")
	}
	var reasons []string
	for _, device := range drives {
		d, err := p.readDrive(ctx, device)
		if err == nil {
			return d, nil
		}
		p.Log.Debug("A drive is not the provisioning media", "device", device, "reason", err)
		reasons = append(reasons, fmt.Sprintf("%s: %v", device, err))
	}
	return disc{}, fmt.Errorf("find the provisioning media: %s", strings.Join(reasons, "; "))
}

// drives lists the devices that may be optical drives, likeliest first, each once whatever links lead to it.
func (p *Provisioner) drives() []string {
	kinds := []*regexp.Regexp{
		regexp.MustCompile(`^sr[0-9]+$`), regexp.MustCompile(`^cdrom[0-9]*$`), regexp.MustCompile(`^hd[c-z]$`),
		regexp.MustCompile(`^cd[0-9]+$`), regexp.MustCompile(`^vd[b-z]$`),
	}
	entries, err := p.Files.ReadDir("/dev")
	if err != nil {
		return nil
	}
	var found, seen []string
	for _, kind := range kinds {
		for _, e := range entries {
			device := "/dev/" + e.Name()
			real, err := p.Files.Follow(device)
			if !kind.MatchString(e.Name()) || err != nil || slices.Contains(seen, real) {
				continue
			}
			seen = append(seen, real)
			found = append(found, device)
		}
	}
	return found
}

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

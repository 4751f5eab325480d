package resourcedisk

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/waagent-go/waagent/agent/machine"
)

// activateFreeBSD mounts the disk that the platform partitioned; on FreeBSD nothing is partitioned, and newfs runs
// only where there is no filesystem of any kind.
func activateFreeBSD(ctx context.Context, o Options) (Result, error) {
	if o.Config.Filesystem != "ufs" {
		return Result{}, fmt.Errorf("ResourceDisk.Filesystem=%s: FreeBSD's is ufs", o.Config.Filesystem)
	}
	device, partition, err := o.bsdPartition(ctx)
	res := Result{Device: device, Partition: partition, Filesystem: "ufs"}
	if err != nil {
		return res, err
	}
	if err := o.bsdMount(ctx, &res); err != nil {
		return res, err
	}
	if err := o.warn(res.MountPoint); err != nil {
		o.Log.Warn("cannot write the data-loss notice", "path", res.MountPoint, "error", err.Error())
	}
	if o.Config.EnableSwap {
		if res.Swap, res.SwapSizeMB, err = o.bsdSwap(ctx, res); err != nil {
			return res, fmt.Errorf("swap: %w", err)
		}
	}
	return res, nil
}

// bsdPartition is the disk, and the partition that the platform made on it.
func (o Options) bsdPartition(ctx context.Context) (device, partition string, err error) {
	schemes, err := o.output(ctx, "gpart", "list")
	if err != nil {
		return "", "", err
	}
	known := gpartSchemes(schemes)
	name, err := o.bsdDevice(ctx, known)
	if err != nil {
		return "", "", err
	}
	device = "/dev/" + name
	part := map[string]string{"MBR": name + "s1", "GPT": name + "p2"}[known[name]] // GPT: p1 is reserved
	if part == "" {
		return device, "", fmt.Errorf("%s has a partition table of kind %q", name, known[name])
	}
	shown, err := o.output(ctx, "gpart", "show", "-p", name)
	if err != nil {
		return device, "", err
	}
	if !strings.Contains(shown, part) {
		return device, "", fmt.Errorf("%s has no partition %s", name, part)
	}
	return device, "/dev/" + part, nil
}

func (o Options) bsdMount(ctx context.Context, res *Result) error {
	mounted, err := o.mountedBSD(res.Partition)
	if err != nil {
		return err
	}
	if mounted != "" {
		res.MountPoint, res.Adopted = mounted, true
		return nil
	}
	res.MountPoint = filepath.Clean(o.Config.MountPoint)
	if err := o.Files.MkdirAll(res.MountPoint, 0o755); err != nil {
		return err
	}
	err = o.Machine.Mount(ctx, res.Partition, res.MountPoint, "ufs", o.Config.MountOptions)
	if err == nil {
		return nil
	}
	kind, probeErr := o.output(ctx, "fstyp", res.Partition)
	if probeErr == nil && !strings.HasPrefix(kind, "ntfs") {
		return fmt.Errorf("%s is left alone: it holds %s: %w", res.Partition, strings.TrimSpace(kind), err)
	}
	if c, lookErr := o.bsdLook(res.Partition); lookErr != nil || c.FS == "ntfs" && (c.Unread != nil || len(c.Names) > 0) || c.FS != "ntfs" && !c.Blank {
		return errors.Join(fmt.Errorf("%s is left alone: it is not blank: %w", res.Partition, err), lookErr)
	}
	if err := o.run(ctx, "newfs", "-U", res.Partition); err != nil {
		return err
	}
	res.Formatted = true
	return o.Machine.Mount(ctx, res.Partition, res.MountPoint, "ufs", o.Config.MountOptions)
}

func (o Options) bsdLook(partition string) (content, error) {
	f, err := o.Disks.Open(partition, false)
	if err != nil {
		return content{}, err
	}
	defer f.Close()
	size, err := o.Disks.Size(f)
	if err != nil {
		return content{}, err
	}
	return look(f, part{Number: 1, Length: size}), nil
}

func (o Options) mountedBSD(partition string) (string, error) {
	mounts, err := o.Machine.Mounts()
	for _, m := range mounts {
		if m.Source == partition {
			return m.Target, err
		}
	}
	return "", err
}

var (
	geomName   = regexp.MustCompile(`(?m)^Geom name: (\S+)`)
	geomScheme = regexp.MustCompile(`(?m)^scheme: (\S+)`)
	storvscPnP = regexp.MustCompile(`dev\.storvsc\.(\d+)\.%pnpinfo:.*deviceid=00000000-0001`)
)

// gpartSchemes maps each disk in the output of gpart list to its partition table's kind.
func gpartSchemes(list string) map[string]string {
	schemes := map[string]string{}
	at := geomName.FindAllStringSubmatchIndex(list, -1)
	for i, m := range at {
		end := len(list)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		if s := geomScheme.FindStringSubmatch(list[m[1]:end]); s != nil {
			schemes[list[m[2]:m[3]]] = s[1]
		}
	}
	return schemes
}

// bsdDevice finds the disk on the storage controller that is IDE 0, port 1, or at the address it usually has.
func (o Options) bsdDevice(ctx context.Context, known map[string]string) (string, error) {
	if text, err := o.output(ctx, "sysctl", "dev.storvsc"); err == nil {
		if m := storvscPnP.FindStringSubmatch(text); m != nil {
			if name := o.onController(ctx, m[1]); known[name] != "" {
				return name, nil
			}
		}
	}
	for _, address := range []string{"2:1:0", "3:1:0"} {
		text, err := o.output(ctx, "camcontrol", "periphlist", address)
		if err != nil {
			continue
		}
		for line := range strings.Lines(text) {
			if name := strings.TrimSuffix(strings.TrimSpace(line), ":"); known[name] != "" {
				return name, nil
			}
		}
	}
	return "", ErrNoDisk
}

var (
	camBus  = regexp.MustCompile(`(?m)^(scbus\d+) on (\S+) bus`)
	camDisk = regexp.MustCompile(`(?m) at (scbus\d+) .*\(([^)]+)\)`)
)

// onController is the disk on blkvscN or storvscN.
func (o Options) onController(ctx context.Context, unit string) string {
	buses, err := o.output(ctx, "camcontrol", "devlist", "-b")
	if err != nil {
		return ""
	}
	disks, err := o.output(ctx, "camcontrol", "devlist")
	if err != nil {
		return ""
	}
	for _, controller := range []string{"blkvsc" + unit, "storvsc" + unit} {
		for _, bus := range camBus.FindAllStringSubmatch(buses, -1) {
			if bus[2] != controller {
				continue
			}
			for _, disk := range camDisk.FindAllStringSubmatch(disks, -1) {
				for name := range strings.SplitSeq(disk[2], ",") {
					if disk[1] == bus[1] && !strings.HasPrefix(name, "pass") {
						return name
					}
				}
			}
		}
	}
	return ""
}

// bsdSwap swaps on a memory disk over the file. A memory disk that an earlier start attached is used again.
func (o Options) bsdSwap(ctx context.Context, res Result) (used string, sizeMB int, err error) {
	file := filepath.Join(res.MountPoint, "swapfile")
	if o.Config.SwapSizeMB <= 0 {
		return "", 0, errors.New("ResourceDisk.SwapSizeMB is not set")
	}
	size, err := o.swapSize(file, res.MountPoint)
	if err != nil {
		return "", 0, err
	}
	unit, err := o.attachedUnit(ctx, file)
	if err != nil {
		return "", 0, err
	}
	if current := o.fileSize(file); unit != "" && current != size {
		o.Log.Info("replacing a swap file of another size", "path", file, "bytes", current, "want", size)
		if err := o.removeBSDSwap(ctx, file); err != nil {
			return "", 0, err
		}
		unit = ""
	}
	if unit == "" {
		if unit, err = o.attachSwapFile(ctx, file, size); err != nil {
			return "", 0, err
		}
	}
	device := "/dev/" + unit
	on, err := o.output(ctx, "swapctl", "-l")
	if err != nil {
		return "", 0, err
	}
	if o.Config.EnableSwapEncryption {
		if !swapListed(on, device+".eli") {
			if err := o.encryptBSD(ctx, device); err != nil {
				return "", 0, err
			}
		}
		device += ".eli"
	}
	if !swapListed(on, device) {
		if err := errors.Join(o.run(ctx, "chmod", "0600", device), o.run(ctx, "swapon", device)); err != nil {
			return "", 0, err
		}
	}
	return device, int(size / mebibyte), nil
}

func (o Options) attachSwapFile(ctx context.Context, file string, size int64) (string, error) {
	if current := o.fileSize(file); current != size {
		if err := o.Files.Remove(file); err != nil {
			return "", err
		}
		if err := o.createFile(ctx, file, size, zeroFill); err != nil {
			return "", err
		}
	}
	unit, err := o.output(ctx, "mdconfig", "-a", "-t", "vnode", "-f", file)
	return strings.TrimSpace(unit), err
}

// attachedUnit is the memory disk that lies over file, from the table mdconfig -lv prints.
func (o Options) attachedUnit(ctx context.Context, file string) (string, error) {
	list, err := o.output(ctx, "mdconfig", "-l", "-v")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(list) {
		if f := strings.Fields(line); len(f) >= 4 && f[1] == "vnode" && f[len(f)-1] == file {
			return f[0], nil
		}
	}
	return "", nil
}

// removeBSDSwap turns swap on the file off, detaches the memory disk over it, and deletes the file.
func (o Options) removeBSDSwap(ctx context.Context, file string) error {
	for range maxUnits {
		unit, err := o.attachedUnit(ctx, file)
		if err != nil {
			return err
		}
		if unit == "" {
			return o.Files.Remove(file)
		}
		on, err := o.output(ctx, "swapctl", "-l")
		if err != nil {
			return err
		}
		for _, device := range []string{"/dev/" + unit + ".eli", "/dev/" + unit} { // geli was attached with -d: it goes with its last user
			if swapListed(on, device) {
				if err := o.run(ctx, "swapoff", device); err != nil {
					return err
				}
			}
		}
		if err := o.run(ctx, "mdconfig", "-d", "-u", unit); err != nil {
			return err
		}
	}
	return fmt.Errorf("memory disks over %s do not go away", file)
}

// maxUnits bounds how many memory disks lie over one file: the original attached one more at each start.
const maxUnits = 99

func (o Options) encryptBSD(ctx context.Context, device string) error {
	for _, module := range []string{"aesni", "cryptodev", "geom_eli"} {
		_ = o.run(ctx, "kldload", "-n", module) // built in, or without the hardware: geli says what is really missing
	}
	return o.run(ctx, "geli", "onetime", "-e", "AES-XTS", "-l", "256", "-d", device)
}

func swapListed(list, device string) bool {
	for line := range strings.Lines(list) {
		if f := strings.Fields(line); len(f) > 0 && f[0] == device {
			return true
		}
	}
	return false
}

func (o Options) output(ctx context.Context, argv ...string) (string, error) {
	res, err := o.Machine.Run(ctx, machine.Command{Argv: argv})
	return string(res.Stdout), err
}

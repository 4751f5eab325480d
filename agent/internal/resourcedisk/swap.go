package resourcedisk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/machine"
)

// swapReserve is what the swap file leaves free on the disk: a full filesystem helps nobody.
const swapReserve = 64 * mebibyte

// swap sees to it that a swap file of the configured size is in use, and returns what the kernel swaps on.
func (o Options) swap(ctx context.Context, res Result) (used string, sizeMB int, err error) {
	file := path.Join(res.MountPoint, "swapfile")
	if o.Config.SwapSizeMB <= 0 {
		return "", 0, errors.New("ResourceDisk.SwapSizeMB is not set")
	}
	if info, err := o.Files.Lstat(file); err == nil && !info.Mode().IsRegular() {
		return "", 0, fmt.Errorf("%s is there and no regular file: it is left alone", file)
	}
	size, err := o.swapSize(file, res.MountPoint)
	if err != nil {
		return "", 0, err
	}
	current := o.fileSize(file)
	if current != size && current >= 0 {
		o.Log.Info("replacing a swap file of another size", "path", file, "bytes", current, "want", size)
		if err := o.removeSwap(ctx, file); err != nil {
			return "", 0, err
		}
		current = -1
	}
	if current == size {
		if err := o.Files.Chmod(file, 0o600); err != nil { // whatever an earlier agent left
			return "", 0, err
		}
	}
	if o.Config.EnableSwapEncryption {
		used, err = o.encryptedSwap(ctx, file, size, current, res.Filesystem)
	} else {
		used, err = o.plainSwap(ctx, file, size, current, res.Filesystem)
	}
	return used, int(size / mebibyte), err
}

// swapSize is the configured size, or what fits. A file that was capped once is kept as long as the full size does
// not fit, so that a disk in use does not get another swap file at each boot.
func (o Options) swapSize(file, mountPoint string) (int64, error) {
	want := int64(o.Config.SwapSizeMB) * mebibyte
	current := max(o.fileSize(file), 0)
	if current == want {
		return want, nil
	}
	free, err := o.Disks.FreeSpace(mountPoint)
	if err != nil {
		return 0, err
	}
	room := (free + current - swapReserve) / mebibyte * mebibyte
	switch {
	case want <= room:
		return want, nil
	case current >= mebibyte && current < want:
		o.Log.Warn("swap file stays smaller than ResourceDisk.SwapSizeMB: the disk has no room", "size_mb", current/mebibyte,
			"want_mb", o.Config.SwapSizeMB, "free_mb", free/mebibyte)
		return current, nil
	case room < mebibyte:
		return 0, fmt.Errorf("no room for a swap file: %d MB free", free/mebibyte)
	}
	o.Log.Warn("swap file is smaller than ResourceDisk.SwapSizeMB: the disk has no room", "size_mb", room/mebibyte,
		"want_mb", o.Config.SwapSizeMB, "free_mb", free/mebibyte)
	return room, nil
}

// fileSize is -1 for what is not there or no regular file.
func (o Options) fileSize(file string) int64 {
	info, err := o.Files.Lstat(file)
	if err != nil || !info.Mode().IsRegular() {
		return -1
	}
	return info.Size()
}

func (o Options) plainSwap(ctx context.Context, file string, size, current int64, fsType string) (string, error) {
	if current == size {
		if o.swappedOn(file) {
			return file, nil
		}
		err := o.run(ctx, "swapon", file)
		if err == nil {
			o.Log.Info("swap is on", "path", file, "size_mb", size/mebibyte)
			return file, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		o.Log.Info("making the swap file again: the one that is there cannot be used", "path", file, "error", err.Error())
		if err := o.removeSwap(ctx, file); err != nil {
			return "", err
		}
	}
	return file, o.makeSwap(ctx, file, size, fsType)
}

// makeSwap makes the file the fast way where kernel and filesystem can swap on what was never written, and the slow
// way where they say that they cannot.
func (o Options) makeSwap(ctx context.Context, file string, size int64, fsType string) error {
	way, err := wayFor(fsType, o.Release)
	if err != nil {
		return err
	}
	if way != zeroFill {
		err := o.tryWay(ctx, file, size, way)
		if err == nil {
			return nil
		}
		o.Log.Info("swap file is written out: the quick way does not work here", "path", file, "error", err.Error())
		if err := o.removeSwap(ctx, file); err != nil {
			return err
		}
		way = way.slow()
	}
	return o.tryWay(ctx, file, size, way)
}

func (o Options) tryWay(ctx context.Context, file string, size int64, way fileWay) error {
	began := time.Now()
	if err := o.createFile(ctx, file, size, way); err != nil {
		return err
	}
	if err := o.run(ctx, "mkswap", file); err != nil {
		return err
	}
	if err := o.run(ctx, "swapon", file); err != nil {
		return err
	}
	o.Log.Info("swap is on", "path", file, "size_mb", size/mebibyte, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// cryptName is the mapping over an encrypted swap file.
const cryptName = "waagent-swap"

// encryptedSwap puts a mapping with a key that nobody knows over the file; it is new in each boot. Without cryptsetup
// there is no swap: pages must not reach the disk in the clear when somebody asked that they do not.
func (o Options) encryptedSwap(ctx context.Context, file string, size, current int64, fsType string) (string, error) {
	mapped := "/dev/mapper/" + cryptName
	if !o.Machine.Has("cryptsetup") {
		return "", fmt.Errorf("ResourceDisk.EnableSwapEncryption needs cryptsetup: %w", exec.ErrNotFound)
	}
	if real := followDevice(o.Files, mapped); o.swappedOn(mapped) || real != "" && o.swappedOn(real) {
		return mapped, nil
	}
	if o.swappedOn(file) { // encryption was switched on since
		if err := o.run(ctx, "swapoff", file); err != nil {
			return "", err
		}
	}
	if current != size {
		if err := o.createSparseFree(ctx, file, size, fsType); err != nil {
			return "", err
		}
	}
	err := o.run(ctx, "cryptsetup", "open", "--type", "plain", "--cipher", "aes-xts-plain64", "--key-size", "512",
		"--key-file", "/dev/urandom", file, cryptName)
	if err != nil {
		return "", err
	}
	if err := errors.Join(o.run(ctx, "mkswap", mapped), o.run(ctx, "swapon", mapped)); err != nil {
		return "", errors.Join(err, o.run(ctx, "cryptsetup", "close", cryptName))
	}
	o.Log.Info("encrypted swap is on", "path", file, "device", mapped, "size_mb", size/mebibyte)
	return mapped, nil
}

// createSparseFree makes a file with all its blocks by whichever way works; what is mapped may have unwritten ones.
func (o Options) createSparseFree(ctx context.Context, file string, size int64, fsType string) error {
	way, err := wayFor(fsType, o.Release)
	if err != nil {
		way = zeroFill
	}
	err = o.createFile(ctx, file, size, way)
	if err == nil || way == zeroFill {
		return err
	}
	return o.createFile(ctx, file, size, way.slow())
}

// removeSwap turns the swap file off, whatever lies over it, and deletes it.
func (o Options) removeSwap(ctx context.Context, file string) error {
	mapped := "/dev/mapper/" + cryptName
	if real := followDevice(o.Files, mapped); real != "" || o.Files.Exists(mapped) {
		if o.swappedOn(mapped) || real != "" && o.swappedOn(real) {
			if err := o.run(ctx, "swapoff", mapped); err != nil {
				return err
			}
		}
		if err := o.run(ctx, "cryptsetup", "close", cryptName); err != nil {
			return err
		}
	}
	if o.swappedOn(file) {
		if err := o.run(ctx, "swapoff", file); err != nil {
			return err
		}
	}
	if info, err := o.Files.Lstat(file); err == nil && info.IsDir() {
		return &fs.PathError{Op: "remove", Path: file, Err: errors.New("is a directory")}
	}
	return o.Files.Remove(file)
}

// swappedOn asks the kernel whether it swaps on path.
func (o Options) swappedOn(path string) bool {
	text, err := o.Files.ReadFile("/proc/swaps")
	return err == nil && swapsOn(string(text), path)
}

// swapsOn looks for path in the kernel's list, where blanks and backslashes of a name are octal.
func swapsOn(list, path string) bool {
	for line := range strings.Lines(list) {
		name, _, _ := strings.Cut(line, " ")
		if strings.NewReplacer(`\040`, " ", `\011`, "\t", `\134`, `\`).Replace(strings.TrimSpace(name)) == path {
			return true
		}
	}
	return false
}

func (o Options) run(ctx context.Context, argv ...string) error {
	_, err := o.Machine.Run(ctx, machine.Command{Argv: argv, Timeout: mkfsTimeout})
	return err
}

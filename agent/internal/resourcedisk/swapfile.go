package resourcedisk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// fileWay is a way to make a file that can be swapped on.
type fileWay int

const (
	zeroFill      fileWay = iota
	allocate              // blocks without content: milliseconds
	allocateNoCOW         // the same on btrfs, which must be told to write in place
	zeroFillNoCOW
)

func (w fileWay) slow() fileWay {
	if w == allocateNoCOW {
		return zeroFillNoCOW
	}
	return zeroFill
}

// wayFor is the quickest way that the filesystem and the kernel should bear. xfs swaps on unwritten blocks since Linux
// 4.18, btrfs swaps at all since 5.0; ext2, ext3 and whatever else is there get a file that was written.
func wayFor(fsType, release string) (fileWay, error) {
	switch fsType {
	case "ext4":
		return allocate, nil
	case "xfs":
		if atLeast(release, 4, 18) {
			return allocate, nil
		}
	case "btrfs":
		if !atLeast(release, 5, 0) {
			return 0, fmt.Errorf("kernel %s cannot swap on btrfs (5.0 can); choose ResourceDisk.Filesystem=ext4", release)
		}
		return allocateNoCOW, nil
	}
	return zeroFill, nil
}

func atLeast(release string, major, minor int) bool {
	var a, b int
	if _, err := fmt.Sscanf(release, "%d.%d", &a, &b); err != nil {
		return false
	}
	return a > major || a == major && b >= minor
}

// createFile makes a new file of exactly size bytes, or none; what is at file must be gone.
func (o Options) createFile(ctx context.Context, file string, size int64, way fileWay) error {
	path, err := o.Files.Path(file)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if way == allocateNoCOW || way == zeroFillNoCOW {
		err = o.Disks.NoCopyOnWrite(f)
	}
	if err == nil {
		if way == allocate || way == allocateNoCOW {
			err = o.Disks.Allocate(f, size)
		} else {
			err = o.fill(ctx, f, size)
		}
	}
	if err := errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

const (
	fillChunk     = 4 * mebibyte
	progressEvery = 5 * time.Second
)

// fill writes zeros and says how far it is: gigabytes take minutes on a slow disk.
func (o Options) fill(ctx context.Context, f io.Writer, size int64) error {
	zero := make([]byte, fillChunk)
	began, last := time.Now(), time.Now()
	for done := int64(0); done < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := f.Write(zero[:min(fillChunk, size-done)])
		if err != nil {
			return err
		}
		done += int64(n)
		if time.Since(last) >= progressEvery {
			last = time.Now()
			o.Log.Info("writing the swap file", "percent", done*100/size, "took", time.Since(began).Round(time.Second))
		}
	}
	return nil
}

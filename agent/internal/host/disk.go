package host

import (
	"context"
	"errors"
	"io"
	"os"
	"time"
)

// Extent is a partition as the kernel is told of it.
type Extent struct {
	Number        int   // 1 is the first
	Start, Length int64 // bytes
}

// ErrInUse is wrapped by errors about a disk that the kernel or somebody else holds.
var ErrInUse = errors.New("in use")

// retryEvery is how long a device that somebody looks at just now (udev probes each new one) is left alone.
const retryEvery = 50 * time.Millisecond

// Disks asks the kernel about block devices. Names are guest paths below Files' root; a disk may be a regular file,
// which has sectors of 512 bytes and no partitions.
type Disks struct{ Files Files }

// Open opens a disk; write says for what.
func (d Disks) Open(device string, write bool) (*os.File, error) {
	path, err := d.Files.Follow(device)
	if err != nil {
		return nil, err
	}
	if write {
		return os.OpenFile(path, os.O_RDWR, 0)
	}
	return os.Open(path)
}

// Size is the length of the disk in bytes.
func (d Disks) Size(f *os.File) (int64, error) { return f.Seek(0, io.SeekEnd) }

// retry calls try until it no longer says ErrInUse.
func retry(ctx context.Context, try func() error) error {
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	for {
		err := try()
		if !errors.Is(err, ErrInUse) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-tick.C:
		}
	}
}

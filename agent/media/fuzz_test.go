package media

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"testing"
	"time"
)

// holds checks what must be true of any image: the tree can be walked, a file has the length it says or is an error,
// and reading again gives the same.
func holds(t *testing.T, open func(io.ReaderAt) (fs.FS, Info, error), image io.ReaderAt) {
	begin := time.Now()
	fsys, info, err := open(image)
	if err != nil {
		return
	}
	if info.Filesystem != UDF && info.Filesystem != ISO9660 {
		t.Fatalf("filesystem %q", info.Filesystem)
	}
	left := int64(1 << 20) // sparse files cost nothing on the image
	err = fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || left <= 0 {
			return err
		}
		stat, err := d.Info()
		if err != nil || stat.Size() < 0 {
			t.Fatalf("%s: size %d, %v", path, stat.Size(), err)
		}
		left -= stat.Size() + 512
		if stat.Size() > 1<<20 {
			return nil
		}
		first, err := fs.ReadFile(fsys, path)
		if err != nil {
			return nil
		}
		second, err := fs.ReadFile(fsys, path)
		if err != nil || !bytes.Equal(first, second) || int64(len(first)) != stat.Size() {
			t.Fatalf("%s: %d bytes, then %d, of %d: %v", path, len(first), len(second), stat.Size(), err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Fatalf("took %s", took)
	}
}

// sparse is an image as a list of sectors: fuzzing half a megabyte of zeros finds nothing.
func sparse(image []byte) []byte {
	var out []byte
	for s := 0; s*sectorSize < len(image); s++ {
		sector := image[s*sectorSize : min((s+1)*sectorSize, len(image))]
		if text := bytes.TrimRight(sector, "\x00"); len(text) > 0 {
			out = append(out, byte(s>>8), byte(s), byte(len(text)>>8), byte(len(text)))
			out = append(out, text...)
		}
	}
	return out
}

// image is what sparse made, or anything, as a disc. Tags of UDF descriptors are made to fit, or no changed byte would
// ever get past the checksum.
type image map[int64][]byte

func unsparse(packed []byte) image {
	i := image{}
	for len(packed) >= 4 {
		at := int64(packed[0])<<8 | int64(packed[1])
		n := min(int(packed[2])<<8|int(packed[3]), len(packed)-4, sectorSize)
		sector := make([]byte, sectorSize)
		copy(sector, packed[4:4+n])
		packed = packed[4+n:]
		if d := descriptor(sector); d.tag() < 300 && d.tag() != tagFileID {
			reseal(d)
		}
		i[at] = sector
	}
	return i
}

// sectors is the size of every such disc.
const sectors = 6144

func (i image) Size() int64 { return sectors * sectorSize }

func (i image) ReadAt(p []byte, at int64) (int, error) {
	for n := 0; n < len(p); {
		if at < 0 || at >= i.Size() {
			return n, io.EOF
		}
		rest := p[n:min(len(p), n+int(sectorSize-at%sectorSize))]
		clear(rest)
		if sector := i[at/sectorSize]; sector != nil {
			copy(rest, sector[at%sectorSize:])
		}
		n, at = n+len(rest), at+int64(len(rest))
	}
	return len(p), nil
}

func reseal(d descriptor) {
	if n := int(d.u16(10)); n <= len(d)-16 {
		sum := crc(d[16 : 16+n])
		d[8], d[9] = byte(sum), byte(sum>>8)
	}
	d[4] = 0
	var sum byte
	for _, v := range d[:16] {
		sum += v
	}
	d[4] = sum
}

func FuzzUDF(f *testing.F) {
	for _, name := range []string{"bridge.iso", "kernel-hd-2048-1.02.udf", "kernel-cdrw-2048-1.50.udf"} {
		f.Add(sparse(sample(f, name)))
	}
	f.Fuzz(func(t *testing.T, packed []byte) { holds(t, openUDF, unsparse(packed)) })
}

func FuzzISO(f *testing.F) {
	for _, name := range []string{"joliet.iso", "rockridge.iso", "plain.iso"} {
		f.Add(sparse(sample(f, name)))
	}
	f.Fuzz(func(t *testing.T, packed []byte) { holds(t, openISO, unsparse(packed)) })
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("CD001"))
	f.Fuzz(func(t *testing.T, image []byte) {
		holds(t, Open, bytes.NewReader(image))
		holds(t, Open, unsparse(image))
		if _, _, err := Open(bytes.NewReader(nil)); !errors.Is(err, ErrUnknown) {
			t.Fatal(err)
		}
	})
}

func TestFuzzSeedsAreImages(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bridge.iso", "kernel-hd-2048-1.02.udf", "kernel-cdrw-2048-1.50.udf", "plain.iso"} {
		if _, info, err := Open(unsparse(sparse(sample(t, name)))); err != nil {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

package media

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// data is where a file's bytes are: in its descriptor, or in extents one after the other.
type data struct {
	inline  []byte
	extents []extent
}

// extent is a run of bytes of the image; one at a negative offset was never recorded and reads as zeros.
type extent struct{ offset, length int64 }

const unrecorded = -1

// size is how many bytes the extents hold.
func (d data) size() int64 {
	if d.extents == nil {
		return int64(len(d.inline))
	}
	var sum int64
	for _, e := range d.extents {
		sum += e.length
	}
	return sum
}

// over reads the data through r.
func (d data) over(r io.ReaderAt) io.ReaderAt {
	if d.extents == nil {
		return bytes.NewReader(d.inline)
	}
	return spread{r, d.extents}
}

// all reads size bytes, for a directory.
func (d data) all(r io.ReaderAt, size int64) ([]byte, error) {
	if size > maxDirectory {
		return nil, fmt.Errorf("a directory of %d bytes", size)
	}
	if size > d.size() {
		return nil, fmt.Errorf("a directory of %d bytes in %d", size, d.size())
	}
	content := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(d.over(r), 0, size), content); err != nil {
		return nil, err
	}
	return content, nil
}

// spread reads extents as one.
type spread struct {
	r       io.ReaderAt
	extents []extent
}

func (s spread) ReadAt(p []byte, at int64) (int, error) {
	done := 0
	for _, e := range s.extents {
		if done == len(p) {
			break
		}
		if at >= e.length {
			at -= e.length
			continue
		}
		want := p[done : done+int(min(int64(len(p)-done), e.length-at))]
		n, err := e.readAt(s.r, want, at)
		done += n
		if n < len(want) {
			return done, err
		}
		at = 0
	}
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}

func (e extent) readAt(r io.ReaderAt, p []byte, at int64) (int, error) {
	if e.offset < 0 {
		clear(p)
		return len(p), nil
	}
	n, err := r.ReadAt(p, e.offset+at)
	if n < len(p) && (err == nil || errors.Is(err, io.EOF)) {
		err = fmt.Errorf("the image ends inside a file: %w", io.ErrUnexpectedEOF)
	}
	return n, err
}

package media

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Descriptor tags of ECMA-167.
const (
	tagPointer    = 3
	tagAnchor     = 2
	tagPartition  = 5
	tagLogical    = 6
	tagTerminator = 8
	tagFileSet    = 256
	tagFileID     = 257
	tagExtents    = 258
	tagFileEntry  = 261
	tagExtended   = 266
)

// maxDescriptors bounds every walk along descriptors.
const maxDescriptors = 256

// udf reads UDF 1.02 to 2.01.
type udf struct {
	budget
	r          io.ReaderAt
	block      int64 // bytes of a logical sector, and of a block
	volume     descriptor
	partitions []partition    // by their number in the logical volume's maps
	open       map[int64]bool // the directories on the way down, by the position of their entries
}

func openUDF(r io.ReaderAt) (fs.FS, Info, error) {
	u := &udf{r: r, open: map[int64]bool{}}
	anchor, err := u.findAnchor()
	if err != nil {
		return nil, Info{}, err
	}
	if err = u.readSequence(anchor.u32(20), anchor.u32(16)); err != nil {
		if second := u.readSequence(anchor.u32(28), anchor.u32(24)); second != nil {
			return nil, Info{}, errors.Join(err, second)
		}
	}
	set, err := u.descriptorIn(u.volume.longExtent(248), tagFileSet)
	if err != nil {
		return nil, Info{}, fmt.Errorf("file set: %w", err)
	}
	root, err := u.node(".", set.longExtent(400), 0)
	if err != nil {
		return nil, Info{}, err
	}
	if !root.dir {
		return nil, Info{}, errors.New("the root is no directory")
	}
	revision := u.volume.u16(216 + 24)
	return tree{r, root}, Info{
		Filesystem: UDF,
		Version:    fmt.Sprintf("%x.%02x", revision>>8, revision&0xff),
		Label:      u.volume.name(84, 128),
	}, nil
}

// findAnchor tries the places the standard names, for each size a sector can have. The last sector is tried where
// the image knows its own size.
func (u *udf) findAnchor() (descriptor, error) {
	for _, u.block = range []int64{2048, 512, 4096, 1024} {
		places := []int64{256, 512}
		if sized, ok := u.r.(interface{ Size() int64 }); ok {
			last := sized.Size()/u.block - 1
			places = append(places, last, last-256)
		}
		for _, sector := range places {
			if d, err := u.read(sector*u.block, uint32(sector), tagAnchor); err == nil {
				return d, nil
			}
		}
	}
	return nil, errors.New("no anchor")
}

// readSequence reads the volume descriptor sequence: the partitions, and the logical volume that maps them.
func (u *udf) readSequence(sector, length uint32) error {
	u.volume, u.partitions = nil, nil
	found := map[uint16]partition{}
	for range maxDescriptors {
		if int64(length) < u.block {
			break
		}
		d, err := u.read(int64(sector)*u.block, sector, anyTag)
		if err != nil {
			return fmt.Errorf("volume descriptor at sector %d: %w", sector, err)
		}
		sector, length = sector+1, length-uint32(u.block)
		switch d.tag() {
		case tagPartition:
			found[d.u16(22)] = partition{start: int64(d.u32(188)), length: int64(d.u32(192))}
		case tagLogical:
			u.volume = d
		case tagPointer:
			length, sector = d.u32(20), d.u32(24)
		case tagTerminator:
			length = 0
		}
	}
	if u.volume == nil {
		return errors.New("no logical volume descriptor")
	}
	if size := u.volume.u32(212); int64(size) != u.block {
		return fmt.Errorf("blocks of %d bytes in sectors of %d", size, u.block)
	}
	return u.mapPartitions(found)
}

// node reads the file entry at e, and what is below it.
func (u *udf) node(name string, e longExtent, depth int) (*node, error) {
	entry, at, err := u.fileEntry(e)
	if err != nil {
		return nil, fmt.Errorf("entry of %q: %w", name, err)
	}
	if err := u.budget.entry(); err != nil {
		return nil, err
	}
	n := &node{name: name, dir: entry.directory(), modified: entry.modified()}
	if n.data, err = u.content(entry, e.partition); err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	size := int64(entry.size())
	if size < 0 || size > n.data.size() {
		return nil, fmt.Errorf("%q: %d bytes in space for %d", name, entry.size(), n.data.size())
	}
	if !n.dir {
		n.size = size
		return n, nil
	}
	if depth > maxDepth || u.open[at] {
		return nil, fmt.Errorf("directory %q lies inside itself, or too deep", name)
	}
	u.open[at] = true
	defer delete(u.open, at)
	return n, u.fill(n, size, depth)
}

// fill reads a directory's identifiers.
func (u *udf) fill(n *node, size int64, depth int) error {
	content, err := n.data.all(u.r, size)
	if err == nil {
		err = u.directory(size)
	}
	if err != nil {
		return fmt.Errorf("directory %q: %w", n.name, err)
	}
	n.data = data{}
	var children []*node
	for at := 0; at < len(content); {
		id, err := identifier(content[at:])
		if err != nil {
			return fmt.Errorf("directory %q, byte %d: %w", n.name, at, err)
		}
		at += len(id.descriptor)
		if id.hidden() {
			continue
		}
		child, err := u.node(id.name(), id.longExtent(20), depth+1)
		if err != nil {
			return err
		}
		if child.name != "" {
			children = append(children, child)
		}
	}
	n.adopt(children)
	return nil
}

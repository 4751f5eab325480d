package media

import (
	"errors"
	"fmt"
	"time"
)

// fileEntry is a file entry or its extended form, which differ in where things stand.
type fileEntry struct{ descriptor }

func (e fileEntry) extended() bool  { return e.tag() == tagExtended }
func (e fileEntry) directory() bool { return e.descriptor[27] == 4 }
func (e fileEntry) size() uint64    { return e.u64(56) }

func (e fileEntry) modified() time.Time {
	if e.extended() {
		return e.time(92)
	}
	return e.time(84)
}

// allocation is the area that says where the content is, or holds it.
func (e fileEntry) allocation() ([]byte, error) {
	lengths, start := 168, 176
	if e.extended() {
		lengths, start = 208, 216
	}
	attributes, size := e.u32(lengths), e.u32(lengths+4)
	if int64(attributes)+int64(start) > int64(len(e.descriptor)) {
		return nil, fmt.Errorf("%d bytes of attributes", attributes)
	}
	return e.bytes(start+int(attributes), size)
}

// fileEntry reads the file entry at l, and says at which offset it stands.
func (u *udf) fileEntry(l longExtent) (fileEntry, int64, error) {
	d, err := u.descriptorIn(l, anyTag)
	if err != nil {
		return fileEntry{}, 0, err
	}
	if d.tag() != tagFileEntry && d.tag() != tagExtended {
		return fileEntry{}, 0, fmt.Errorf("descriptor %d where a file entry belongs", d.tag())
	}
	if strategy := d.u16(20); strategy != 4 {
		return fileEntry{}, 0, fmt.Errorf("strategy %d is not supported", strategy)
	}
	at, err := u.offset(l.partition, l.block)
	return fileEntry{d}, at, err
}

// The kinds of allocation descriptors, and of extents.
const (
	shortExtents = 0
	longExtents  = 1
	inInline     = 3

	lengthMask  = 1<<30 - 1
	isRecorded  = 0
	isContinued = 3
)

// content finds the extents of a file, following areas that continue elsewhere.
func (u *udf) content(e fileEntry, home uint16) (data, error) {
	area, err := e.allocation()
	if err != nil {
		return data{}, err
	}
	kind := e.u16(34) & 7
	if kind == inInline {
		return data{inline: area}, nil
	}
	if kind != shortExtents && kind != longExtents {
		return data{}, fmt.Errorf("allocation descriptors of kind %d", kind)
	}
	content := data{extents: []extent{}}
	for range maxDescriptors {
		next, err := u.collect(&content, area, kind, home)
		if err != nil || next == nil {
			return content, err
		}
		d, err := u.descriptorIn(*next, tagExtents)
		if err != nil {
			return data{}, fmt.Errorf("continued extents: %w", err)
		}
		if area, err = d.bytes(24, d.u32(20)); err != nil {
			return data{}, err
		}
		home = next.partition
	}
	return data{}, errors.New("extents continue without end")
}

// collect adds the extents of one area to content; it returns where the area continues, if it does.
func (u *udf) collect(content *data, area []byte, kind, home uint16) (*longExtent, error) {
	width := 8
	if kind == longExtents {
		width = 16
	}
	for ; len(area) >= width; area = area[width:] {
		l := longExtent{descriptor(area).u32(0), descriptor(area).u32(4), home}
		if kind == longExtents {
			l.partition = descriptor(area).u16(8)
		}
		length := int64(l.length & lengthMask)
		switch l.length >> 30 {
		case isContinued:
			return &l, nil
		case isRecorded:
			if length == 0 {
				return nil, nil
			}
			runs, err := u.runs(l.partition, l.block, length)
			if err != nil {
				return nil, err
			}
			if err := u.pieces(len(runs), len(content.extents)); err != nil {
				return nil, err
			}
			content.extents = append(content.extents, runs...)
		default:
			if err := u.pieces(1, len(content.extents)); err != nil {
				return nil, err
			}
			content.extents = append(content.extents, extent{unrecorded, length})
		}
	}
	return nil, nil
}

// fileID is a directory's line: a name and where its entry is.
type fileID struct{ descriptor }

const (
	flagDeleted = 4
	flagParent  = 8
)

func (f fileID) hidden() bool { return f.descriptor[18]&(flagDeleted|flagParent) != 0 }

func (f fileID) name() string {
	start := 38 + int(f.u16(36))
	return text(f.descriptor[start : start+int(f.descriptor[19])])
}

// identifier reads the identifier that b begins with.
func identifier(b []byte) (fileID, error) {
	if len(b) < 38 {
		return fileID{}, errors.New("an identifier is cut off")
	}
	d := descriptor(b)
	length := (38 + int(d.u16(36)) + int(b[19]) + 3) &^ 3
	if d.tag() != tagFileID || length > len(b) {
		return fileID{}, errors.New("no file identifier")
	}
	d = d[:length]
	return fileID{d}, verify(d, d.u32(12)) // its address is that of a block we no longer know
}

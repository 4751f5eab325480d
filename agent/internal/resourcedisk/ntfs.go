package resourcedisk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
)

// The platform hands out the disk as NTFS with a notice in its root. Whether anything else is there decides whether it
// may be formatted, and not every kernel can read NTFS, so its root folder is read here: the boot sector says where
// the file table is, record 5 of that is the root, and an index in it lists names. Anything unexpected is an error,
// and an error means that the disk is left alone.

// harmless are the names that the platform itself, or Windows on its behalf, puts into the root. Compared without case.
var harmless = []string{"dataloss_warning_readme.txt", "system volume information", "$recycle.bin"}

const (
	rootRecord   = 5
	firstOwnFile = 24 // records below are the filesystem's own
	maxIndex     = 4096
)

var errNTFS = errors.New("NTFS cannot be read")

// ntfsNames lists the root folder of the NTFS that starts at the beginning of r, the filesystem's own files left out.
func ntfsNames(r io.ReaderAt) ([]string, error) {
	n, err := openNTFS(r)
	if err != nil {
		return nil, err
	}
	rec, err := n.record(n.mft+rootRecord*n.recordSize, n.recordSize, "FILE")
	if err != nil {
		return nil, fmt.Errorf("%w: root folder: %w", errNTFS, err)
	}
	root, blocks, err := indexAttributes(rec)
	if err != nil {
		return nil, fmt.Errorf("%w: root folder: %w", errNTFS, err)
	}
	names, err := indexNames(root[16:])
	if err != nil {
		return nil, fmt.Errorf("%w: index: %w", errNTFS, err)
	}
	more, err := n.blockNames(blocks, int64(binary.LittleEndian.Uint32(root[8:])))
	if err != nil {
		return nil, fmt.Errorf("%w: index: %w", errNTFS, err)
	}
	names = append(names, more...)
	slices.Sort(names)
	return slices.Compact(names), nil
}

// onlyNotice are the names that are not the platform's own.
func foreignNames(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		return slices.Contains(harmless, strings.ToLower(n))
	})
}

type ntfs struct {
	r               io.ReaderAt
	sector, cluster int64
	mft             int64 // bytes
	recordSize      int64
}

func openNTFS(r io.ReaderAt) (ntfs, error) {
	b := make([]byte, 512)
	if _, err := r.ReadAt(b, 0); err != nil {
		return ntfs{}, fmt.Errorf("%w: %w", errNTFS, err)
	}
	n := ntfs{r: r, sector: int64(binary.LittleEndian.Uint16(b[11:]))}
	perCluster := int64(b[13])
	if b[13] > 0x80 {
		perCluster = 1 << (256 - int(b[13]))
	}
	n.cluster = n.sector * perCluster
	n.recordSize = sizeOf(int8(b[64]), n.cluster)
	first := binary.LittleEndian.Uint64(b[48:])
	if string(b[3:11]) != "NTFS    " || n.sector < 256 || n.sector > 4096 || n.cluster < n.sector || n.cluster > 2<<20 ||
		n.recordSize < 512 || n.recordSize > 64<<10 || first == 0 || first > 1<<40 {
		return ntfs{}, fmt.Errorf("%w: boot sector makes no sense", errNTFS)
	}
	n.mft = int64(first) * n.cluster
	return n, nil
}

// sizeOf reads NTFS's way to write a size: clusters, or a negative power of two of bytes.
func sizeOf(v int8, cluster int64) int64 {
	if v >= 0 {
		return int64(v) * cluster
	}
	if v < -20 {
		return 0
	}
	return 1 << -v
}

// record reads one record and puts back the last two bytes of each sector, which NTFS replaces by a number to notice
// half-written records.
func (n ntfs) record(at, size int64, magic string) ([]byte, error) {
	b := make([]byte, size)
	if _, err := n.r.ReadAt(b, at); err != nil {
		return nil, err
	}
	if string(b[:4]) != magic {
		return nil, fmt.Errorf("no %s record", magic)
	}
	at, count := int64(binary.LittleEndian.Uint16(b[4:])), int64(binary.LittleEndian.Uint16(b[6:]))
	const stride = 512 // whatever the sector size is
	if count < 1 || (count-1)*stride > size || at+2*count > size || at < 8 {
		return nil, errors.New("bad fixups")
	}
	fix := slices.Clone(b[at : at+2*count])
	for i := range count - 1 {
		end := (i+1)*stride - 2
		if b[end] != fix[0] || b[end+1] != fix[1] {
			return nil, errors.New("half-written record")
		}
		copy(b[end:], fix[2+2*i:4+2*i])
	}
	return b, nil
}

// run is a stretch of clusters.
type run struct{ start, length int64 }

// indexAttributes finds the index of a folder in its record: the part inside the record, and where the rest lies.
func indexAttributes(rec []byte) (root []byte, blocks []run, err error) {
	at := int(binary.LittleEndian.Uint16(rec[20:]))
	for at+8 <= len(rec) {
		typ, length := binary.LittleEndian.Uint32(rec[at:]), int(binary.LittleEndian.Uint32(rec[at+4:]))
		if typ == 0xFFFFFFFF {
			break
		}
		if length < 24 || at+length > len(rec) {
			return nil, nil, errors.New("bad attribute")
		}
		a := rec[at : at+length]
		switch typ {
		case 0x20:
			return nil, nil, errors.New("root folder is spread over several records")
		case 0x90:
			off, n := int(binary.LittleEndian.Uint16(a[20:])), int(binary.LittleEndian.Uint32(a[16:]))
			if a[8] != 0 || n < 32 || off+n > len(a) || off+n < off {
				return nil, nil, errors.New("bad index root")
			}
			root = a[off : off+n]
		case 0xA0:
			if a[8] != 1 || len(a) < 64 {
				return nil, nil, errors.New("bad index allocation")
			}
			if blocks, err = runs(a, int(binary.LittleEndian.Uint16(a[32:]))); err != nil {
				return nil, nil, err
			}
		}
		at += length
	}
	if root == nil {
		return nil, nil, errors.New("no index")
	}
	return root, blocks, nil
}

// runs decodes a run list: lengths and relative positions of one to eight bytes each.
func runs(a []byte, at int) ([]run, error) {
	var out []run
	var position int64
	for at < len(a) && a[at] != 0 {
		lengthBytes, offsetBytes := int(a[at]&0xF), int(a[at]>>4)
		if lengthBytes == 0 || lengthBytes > 8 || offsetBytes == 0 || offsetBytes > 8 || at+1+lengthBytes+offsetBytes > len(a) {
			return nil, errors.New("bad run list")
		}
		length := signed(a[at+1 : at+1+lengthBytes])
		position += signed(a[at+1+lengthBytes : at+1+lengthBytes+offsetBytes])
		if length <= 0 || length > maxIndex*8 || position <= 0 || position > 1<<40 {
			return nil, errors.New("run outside the disk")
		}
		out = append(out, run{position, length})
		at += 1 + lengthBytes + offsetBytes
	}
	return out, nil
}

func signed(b []byte) int64 {
	v := int64(int8(b[len(b)-1]))
	for i := len(b) - 2; i >= 0; i-- {
		v = v<<8 | int64(b[i])
	}
	return v
}

// blockNames reads the index blocks that did not fit into the record. A block that is out of use may still name what
// is gone; that errs on the careful side.
func (n ntfs) blockNames(blocks []run, size int64) ([]string, error) {
	var names []string
	var read int
	if len(blocks) > 0 && (size < 512 || size > 64<<10) {
		return nil, errors.New("bad block size")
	}
	for _, b := range blocks {
		for at := b.start * n.cluster; at+size <= (b.start+b.length)*n.cluster; at += size {
			if read++; read > maxIndex {
				return nil, errors.New("more names than can be counted")
			}
			magic := make([]byte, 4)
			if _, err := n.r.ReadAt(magic, at); err != nil {
				return nil, err
			}
			if string(magic) == "\x00\x00\x00\x00" {
				continue // never used
			}
			block, err := n.record(at, size, "INDX")
			if err != nil {
				return nil, err
			}
			more, err := indexNames(block[24:])
			if err != nil {
				return nil, err
			}
			names = append(names, more...)
		}
	}
	return names, nil
}

// indexNames lists an index node, which starts with a header that says where its entries are.
func indexNames(node []byte) ([]string, error) {
	if len(node) < 16 {
		return nil, errors.New("short node")
	}
	at, end := int(binary.LittleEndian.Uint32(node)), int(binary.LittleEndian.Uint32(node[4:]))
	if at < 16 || end > len(node) || end < at {
		return nil, errors.New("bad node")
	}
	var names []string
	for at+16 <= end {
		e := node[at:end]
		length, key := int(binary.LittleEndian.Uint16(e[8:])), int(binary.LittleEndian.Uint16(e[10:]))
		if binary.LittleEndian.Uint16(e[12:])&2 != 0 {
			return names, nil // the last one holds no name
		}
		if length < 16+66 || length > len(e) || key < 66 || 16+key > length {
			return nil, errors.New("bad entry")
		}
		name, err := entryName(e[16 : 16+key])
		if err != nil {
			return nil, err
		}
		if binary.LittleEndian.Uint64(e)&(1<<48-1) >= firstOwnFile && name != "" {
			names = append(names, name)
		}
		at += length
	}
	return nil, errors.New("index without an end")
}

// entryName is the name in an index entry, "" for the short form DOS programs see beside the real one.
func entryName(key []byte) (string, error) {
	length, space := int(key[64]), key[65]
	if 66+2*length > len(key) || length == 0 {
		return "", errors.New("bad name")
	}
	if space == 2 {
		return "", nil
	}
	units := make([]uint16, length)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(key[66+2*i:])
	}
	return string(utf16.Decode(units)), nil
}

package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
	"unicode/utf16"
)

// iso reads ISO 9660.
type iso struct {
	budget
	r     io.ReaderAt
	names string          // how names are kept
	skip  int             // bytes before the system use entries of Rock Ridge
	open  map[uint32]bool // the directories on the way down, by sector
}

const (
	plainNames = "plain"
	joliet     = "Joliet"
	rockRidge  = "Rock Ridge"
)

func openISO(r io.ReaderAt) (fs.FS, Info, error) {
	primary, second, err := descriptors(r)
	if err != nil {
		return nil, Info{}, err
	}
	i := &iso{r: r, names: plainNames, open: map[uint32]bool{}}
	info := Info{Filesystem: ISO9660, Label: strings.TrimRight(string(primary[40:72]), " \x00")}
	root := primary[156:190]
	if i.findRockRidge(root) {
		i.names = rockRidge
	} else if second != nil {
		i.names, root = joliet, second[156:190]
	}
	info.Version = i.names
	top := &node{name: ".", dir: true, modified: isoTime(root[18:])}
	if err := i.fill(top, location(root), 0); err != nil {
		return nil, Info{}, err
	}
	return tree{r, top}, info, nil
}

// descriptors finds the primary volume descriptor, and Joliet's if there is one.
func descriptors(r io.ReaderAt) (primary, second []byte, err error) {
	for sector := int64(16); sector < 80; sector++ {
		b := make([]byte, sectorSize)
		if n, err := r.ReadAt(b, sector*sectorSize); n < len(b) {
			return nil, nil, fmt.Errorf("volume descriptor at sector %d: %w", sector, err)
		}
		if string(b[1:6]) != "CD001" || b[0] == 255 {
			break
		}
		escape := string(b[88:91])
		switch {
		case b[0] == 1 && primary == nil:
			primary = b
		case b[0] == 2 && (escape == "%/@" || escape == "%/C" || escape == "%/E"):
			second = b
		}
	}
	if primary == nil {
		return nil, nil, errors.New("no primary volume descriptor")
	}
	if size := binary.LittleEndian.Uint16(primary[128:]); size != sectorSize {
		return nil, nil, fmt.Errorf("blocks of %d bytes", size)
	}
	return primary, second, nil
}

// place is where a record's bytes are.
type place struct{ sector, size uint32 }

func location(record []byte) place {
	return place{binary.LittleEndian.Uint32(record[2:]) + uint32(record[1]), binary.LittleEndian.Uint32(record[10:])}
}

func (p place) extent() extent { return extent{int64(p.sector) * sectorSize, int64(p.size)} }

// fill reads the directory at p into n.
func (i *iso) fill(n *node, p place, depth int) error {
	if depth > maxDepth || i.open[p.sector] {
		return fmt.Errorf("directory %q lies inside itself, or too deep", n.name)
	}
	i.open[p.sector] = true
	defer delete(i.open, p.sector)
	content, err := data{extents: []extent{p.extent()}}.all(i.r, int64(p.size))
	if err == nil {
		err = i.directory(int64(p.size))
	}
	if err != nil {
		return fmt.Errorf("directory %q: %w", n.name, err)
	}
	var children []*node
	var growing *node // a file whose further extents follow
	for at := 0; at+33 < len(content); {
		record, err := recordAt(content, at)
		if err != nil {
			return fmt.Errorf("directory %q: %w", n.name, err)
		}
		if record == nil { // the rest of the sector is empty
			at = (at/sectorSize + 1) * sectorSize
			continue
		}
		at += len(record)
		name, ok := i.name(record)
		if !ok {
			continue
		}
		if growing, err = i.add(growing, name, record, depth); err != nil {
			return err
		}
		if err := i.entry(); err != nil {
			return err
		}
		if growing.dir || record[25]&0x80 == 0 {
			children = append(children, growing)
			growing = nil
		}
	}
	n.adopt(children)
	return nil
}

// recordAt is the record that begins at a byte of a directory, nil if none does.
func recordAt(content []byte, at int) ([]byte, error) {
	length := int(content[at])
	if length == 0 {
		return nil, nil
	}
	if length < 34 || at+length > len(content) || 33+int(content[at+32]) > length {
		return nil, fmt.Errorf("malformed record at byte %d", at)
	}
	return content[at : at+length], nil
}

// add makes a node of a record, or adds the record's extent to the file that is growing.
func (i *iso) add(growing *node, name string, record []byte, depth int) (*node, error) {
	p := location(record)
	if growing == nil || growing.name != name {
		growing = &node{name: name, modified: isoTime(record[18:])}
	}
	if record[25]&2 != 0 {
		growing.dir = true
		return growing, i.fill(growing, p, depth+1)
	}
	if record[26] != 0 {
		return nil, fmt.Errorf("file %q is interleaved", name)
	}
	if err := i.pieces(1, len(growing.data.extents)); err != nil {
		return nil, fmt.Errorf("file %q: %w", name, err)
	}
	growing.data.extents = append(growing.data.extents, p.extent())
	growing.size = growing.data.size()
	return growing, nil
}

// name is a record's name, and false for the records of the directory itself and its parent.
func (i *iso) name(record []byte) (string, bool) {
	id := record[33 : 33+int(record[32])]
	if len(id) == 1 && id[0] <= 1 {
		return "", false
	}
	switch i.names {
	case rockRidge:
		if name := i.rockRidgeName(record); name != "" {
			return name, true
		}
	case joliet:
		units := make([]uint16, len(id)/2)
		for n := range units {
			units[n] = binary.BigEndian.Uint16(id[2*n:])
		}
		name, _, _ := strings.Cut(string(utf16.Decode(units)), ";")
		return name, true
	}
	// As the kernel does: lower case, without the version and the dot of a missing extension.
	name, _, _ := strings.Cut(strings.ToLower(string(id)), ";")
	return strings.TrimSuffix(name, "."), true
}

func isoTime(b []byte) time.Time {
	zone := time.FixedZone("", int(int8(b[6]))*15*60)
	return time.Date(1900+int(b[0]), time.Month(b[1]), int(b[2]), int(b[3]), int(b[4]), int(b[5]), 0, zone).UTC()
}

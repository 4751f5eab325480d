package ovfgen

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// isoDescriptors is how many sectors ISO 9660's descriptors take: primary, Joliet, terminator.
const isoDescriptors = 3

// writeISO writes both directory trees. The primary one keeps the hyphen of ovf-env.xml, which the standard's
// smallest alphabet lacks, because every reader does, and most look for that very name.
func (p *plan) writeISO(d *disc) {
	plain := p.isoDirectory(isoDirectory, func(name string) []byte { return []byte(strings.ToUpper(name) + ";1") })
	second := isoDirectory + sectorsOf(len(plain))
	joliet := p.isoDirectory(second, wide)
	d.at(isoDirectory, plain)
	d.at(second, joliet)
	for n, root := range []uint32{isoDirectory, isoDirectory, second, second} {
		d.at(pathTables+uint32(n), pathTable(root, n%2 == 1))
	}
	d.at(recognition, p.isoDescriptor(1, pathTables, isoDirectory, len(plain)))
	d.at(recognition+1, p.isoDescriptor(2, pathTables+2, second, len(joliet)))
	d.at(recognition+2, append([]byte{255}, "CD001\x01"...))
}

// isoDescriptor is a primary (1) or supplementary (2) volume descriptor.
func (p *plan) isoDescriptor(kind byte, paths, root uint32, size int) []byte {
	text := func(s string) []byte { return []byte(s) }
	if kind == 2 {
		text = wide
	}
	b := make([]byte, sectorSize)
	b[0], b[6] = kind, 1
	copy(b[1:], "CD001")
	for at, length := range map[int]int{8: 32, 40: 32, 190: 128, 318: 128, 446: 128, 574: 128, 702: 37, 739: 37, 776: 37} {
		fill(b[at:at+length], text(" "))
	}
	copy(b[40:72], text(p.Label))
	copy(b[446:574], text("WAAGENT-GO OVFGEN"))
	if kind == 2 {
		copy(b[88:], "%/E") // UCS-2 level 3: Joliet
	}
	both32(b[80:], p.sectors)
	both16(b[120:], 1)
	both16(b[124:], 1)
	both16(b[128:], sectorSize)
	both32(b[132:], 10)
	binary.LittleEndian.PutUint32(b[140:], paths)
	binary.BigEndian.PutUint32(b[148:], paths+1)
	copy(b[156:], isoRecord([]byte{0}, root, size, 2, p.when()))
	for _, at := range []int{813, 830, 847, 864} {
		copy(b[at:], "0000000000000000\x00")
	}
	copy(b[813:], p.when().Format("20060102150405")+"00")
	b[881] = 1
	return b
}

// isoDirectory is a root directory at sector; a record never crosses into the next sector.
func (p *plan) isoDirectory(sector uint32, spell func(string) []byte) []byte {
	files := slices.Clone(p.files)
	slices.SortFunc(files, func(a, b placed) int { return cmp.Compare(string(spell(a.Name)), string(spell(b.Name))) })
	build := func(size int) []byte {
		out := isoRecord([]byte{0}, sector, size, 2, p.when())
		out = append(out, isoRecord([]byte{1}, sector, size, 2, p.when())...)
		for _, f := range files {
			record := isoRecord(spell(f.Name), f.sector, len(f.Data), 0, p.when())
			if left := sectorSize - len(out)%sectorSize; left < len(record) {
				out = append(out, make([]byte, left)...)
			}
			out = append(out, record...)
		}
		return append(out, make([]byte, (sectorSize-len(out)%sectorSize)%sectorSize)...)
	}
	return build(len(build(0)))
}

func isoRecord(name []byte, sector uint32, size int, flags byte, t time.Time) []byte {
	b := make([]byte, (33+len(name)+1)&^1)
	b[0] = byte(len(b))
	both32(b[2:], sector)
	both32(b[10:], uint32(size))
	copy(b[18:], []byte{byte(t.Year() - 1900), byte(t.Month()), byte(t.Day()), byte(t.Hour()), byte(t.Minute()), byte(t.Second()), 0})
	b[25] = flags
	both16(b[28:], 1)
	b[32] = byte(len(name))
	copy(b[33:], name)
	return b
}

// pathTable has one entry, the root; it exists in both byte orders.
func pathTable(root uint32, big bool) []byte {
	b := []byte{1, 0, 0, 0, 0, 0, 1, 0, 0, 0}
	if big {
		b[6], b[7] = 0, 1
		binary.BigEndian.PutUint32(b[2:], root)
		return b
	}
	binary.LittleEndian.PutUint32(b[2:], root)
	return b
}

// wide is UCS-2, big end first.
func wide(text string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(text)) {
		out = binary.BigEndian.AppendUint16(out, u)
	}
	return out
}

func fill(b, with []byte) {
	for n := range b {
		b[n] = with[n%len(with)]
	}
	if len(b)%len(with) != 0 {
		b[len(b)-1] = 0
	}
}

func both16(b []byte, v uint16) {
	binary.LittleEndian.PutUint16(b, v)
	binary.BigEndian.PutUint16(b[2:], v)
}

func both32(b []byte, v uint32) {
	binary.LittleEndian.PutUint32(b, v)
	binary.BigEndian.PutUint32(b[4:], v)
}

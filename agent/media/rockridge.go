package media

import (
	"encoding/binary"
	"strings"
)

// maxContinuations bounds how often one record's system use area may continue elsewhere.
const maxContinuations = 16

// findRockRidge looks for the SUSP mark in the root's first record, and learns how many bytes to skip.
func (i *iso) findRockRidge(root []byte) bool {
	p := location(root)
	b := make([]byte, 255)
	if _, err := i.r.ReadAt(b, int64(p.sector)*sectorSize); err != nil {
		return false
	}
	length := int(b[0])
	if length < 34+7 || string(b[34:36]) != "SP" || b[38] != 0xbe || b[39] != 0xef {
		return false
	}
	i.skip = int(b[40])
	return true
}

// rockRidgeName is the name in the record's NM entries, "" if it has none.
func (i *iso) rockRidgeName(record []byte) string {
	start := 33 + int(record[32])
	start += start & 1 // the identifier is padded so that what follows is even
	if start+i.skip > len(record) {
		return ""
	}
	var name strings.Builder
	area := record[start+i.skip:]
	for range maxContinuations {
		next, more := nameEntries(&name, area)
		if !more {
			break
		}
		area = make([]byte, next.length)
		if n, _ := i.r.ReadAt(area, next.offset); n < len(area) {
			break
		}
	}
	return name.String()
}

// nameEntries collects the NM entries of one area; it returns where the area continues, if it does.
func nameEntries(name *strings.Builder, area []byte) (next extent, more bool) {
	for len(area) >= 4 {
		length := int(area[2])
		if length < 4 || length > len(area) {
			return next, more
		}
		entry := area[:length]
		area = area[length:]
		switch string(entry[:2]) {
		case "NM":
			if length > 5 && entry[4]&6 == 0 && name.Len() < 1024 { // not "." or ".."
				name.Write(entry[5:])
			}
		case "CE":
			if length >= 28 {
				sector, offset := binary.LittleEndian.Uint32(entry[4:]), binary.LittleEndian.Uint32(entry[12:])
				size := min(binary.LittleEndian.Uint32(entry[20:]), sectorSize)
				next = extent{int64(sector)*sectorSize + int64(offset), int64(size)}
				more = true
			}
		case "ST":
			return next, more
		}
	}
	return next, more
}

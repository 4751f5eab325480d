package resourcedisk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// kind is a kind of partition table.
type kind string

const (
	noTable kind = ""
	mbr     kind = "mbr"
	gpt     kind = "gpt"
)

// Partition types that matter here. GPT types are in the order of their text form.
const (
	mbrNTFS     = "07"
	mbrLinux    = "83"
	gptLinux    = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
	gptReserved = "E3C9E316-0B5C-4DB8-817D-F92DF00215AE" // Windows leaves one on each GPT disk; it holds nothing
)

// table is what a disk's partition table says.
type table struct {
	Kind  kind
	ID    string // the disk's signature (MBR) or GUID (GPT)
	Parts []part
}

// part is one partition; offsets are bytes.
type part struct {
	Number        int
	Type          string
	Start, Length int64
}

// errTable is a partition table that cannot be relied on.
var errTable = errors.New("damaged partition table")

// readTable reads the table of a disk of the given size. No table is no error.
func readTable(r io.ReaderAt, size int64, sector int) (table, error) {
	first := make([]byte, 512)
	if size < int64(2*sector) {
		return table{}, nil
	}
	if _, err := r.ReadAt(first, 0); err != nil {
		return table{}, fmt.Errorf("read partition table: %w", err)
	}
	if first[510] != 0x55 || first[511] != 0xAA {
		return table{}, nil
	}
	t := table{Kind: mbr, ID: fmt.Sprintf("%08x", binary.LittleEndian.Uint32(first[440:]))}
	for i := range 4 {
		e := first[446+16*i:]
		p := part{
			Number: i + 1, Type: fmt.Sprintf("%02x", e[4]),
			Start:  int64(binary.LittleEndian.Uint32(e[8:])) * int64(sector),
			Length: int64(binary.LittleEndian.Uint32(e[12:])) * int64(sector),
		}
		switch {
		case e[4] == 0xEE:
			return readGPT(r, size, int64(sector))
		case e[4] == 0 || p.Length == 0:
			continue
		case p.Start == 0 || p.Start+p.Length > size:
			return table{}, fmt.Errorf("%w: partition %d lies outside the disk", errTable, p.Number)
		}
		t.Parts = append(t.Parts, p)
	}
	return t, nil
}

// readGPT reads the first copy of the table, or the one at the end when that is damaged.
func readGPT(r io.ReaderAt, size, sector int64) (table, error) {
	t, err := readGPTAt(r, size, sector, sector)
	if err == nil {
		return t, nil
	}
	t, second := readGPTAt(r, size, sector, size/sector*sector-sector)
	if second == nil {
		return t, nil
	}
	return table{}, fmt.Errorf("%w: %w; and its copy: %w", errTable, err, second)
}

const maxGPTEntries = 1024 // 128 in practice

func readGPTAt(r io.ReaderAt, size, sector, at int64) (table, error) {
	h := make([]byte, 92)
	if _, err := r.ReadAt(h, at); err != nil {
		return table{}, err
	}
	if string(h[:8]) != "EFI PART" {
		return table{}, errors.New("no GPT header")
	}
	sum := binary.LittleEndian.Uint32(h[16:])
	clear(h[16:20])
	if crc32.ChecksumIEEE(h) != sum || binary.LittleEndian.Uint32(h[12:]) != 92 {
		return table{}, errors.New("GPT header has a wrong checksum")
	}
	entriesAt := binary.LittleEndian.Uint64(h[72:])
	count, length := binary.LittleEndian.Uint32(h[80:]), binary.LittleEndian.Uint32(h[84:])
	if count > maxGPTEntries || length < 128 || length > 4096 || entriesAt > uint64(size/sector) {
		return table{}, errors.New("GPT header makes no sense")
	}
	entries := make([]byte, int64(count)*int64(length))
	if _, err := r.ReadAt(entries, int64(entriesAt)*sector); err != nil {
		return table{}, err
	}
	if crc32.ChecksumIEEE(entries) != binary.LittleEndian.Uint32(h[88:]) {
		return table{}, errors.New("GPT entries have a wrong checksum")
	}
	t := table{Kind: gpt, ID: guidText(h[56:72])}
	for i := range int(count) {
		e := entries[i*int(length):]
		if bytes.Equal(e[:16], make([]byte, 16)) {
			continue
		}
		first, last := binary.LittleEndian.Uint64(e[32:]), binary.LittleEndian.Uint64(e[40:])
		if first == 0 || last < first || last >= uint64(size/sector) {
			return table{}, fmt.Errorf("partition %d lies outside the disk", i+1)
		}
		t.Parts = append(t.Parts, part{
			Number: i + 1, Type: guidText(e[:16]),
			Start: int64(first) * sector, Length: int64(last-first+1) * sector,
		})
	}
	return t, nil
}

// guidText writes a GUID as people do: its first three groups are little-endian on disk.
func guidText(b []byte) string {
	return fmt.Sprintf("%08X-%04X-%04X-%04X-%012X", binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint16(b[4:]),
		binary.LittleEndian.Uint16(b[6:]), b[8:10], b[10:16])
}

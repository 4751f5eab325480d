package resourcedisk

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"unicode/utf16"
)

const (
	mebibyte   = 1 << 20
	gptEntries = 128
	gptEntry   = 128
)

// partitionLabel is the name in a GPT entry; it tells people whose partition this is.
const partitionLabel = "temporary storage"

// newTable is a table with one Linux partition from the first mebibyte to the last whole one.
func newTable(k kind, size int64) (table, error) {
	length := (size-mebibyte)/mebibyte*mebibyte - mebibyte // the last mebibyte keeps the second GPT
	if length < mebibyte {
		return table{}, fmt.Errorf("a disk of %d bytes is too small", size)
	}
	random := make([]byte, 16)
	rand.Read(random)
	p := part{Number: 1, Type: gptLinux, Start: mebibyte, Length: length}
	if k == mbr && size < 2<<40 {
		p.Type = mbrLinux
		return table{Kind: mbr, ID: fmt.Sprintf("%08x", binary.LittleEndian.Uint32(random)), Parts: []part{p}}, nil
	}
	random[7] = random[7]&0x0f | 0x40 // version 4, in the little-endian third group
	random[8] = random[8]&0x3f | 0x80
	return table{Kind: gpt, ID: guidText(random), Parts: []part{p}}, nil
}

// writeTable replaces whatever table the disk has, and wipes what older filesystems left around it.
func writeTable(w io.WriterAt, t table, size int64, sector int) error {
	zero := make([]byte, mebibyte)
	p := t.Parts[0]
	for _, at := range []int64{0, p.Start, size - mebibyte} {
		if _, err := w.WriteAt(zero, at); err != nil {
			return fmt.Errorf("wipe: %w", err)
		}
	}
	var err error
	if t.Kind == mbr {
		err = writeMBR(w, t, sector)
	} else {
		err = writeGPT(w, t, size, int64(sector))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", t.Kind, err)
	}
	return nil
}

func writeMBR(w io.WriterAt, t table, sector int) error {
	var id uint32
	if _, err := fmt.Sscanf(t.ID, "%08x", &id); err != nil {
		return err
	}
	p := t.Parts[0]
	_, err := w.WriteAt(mbrSector(id, 0x83, p.Start/int64(sector), p.Length/int64(sector)), 0)
	return err
}

// mbrSector is a first sector with one partition. Positions in cylinders and heads say "see the sector numbers".
func mbrSector(id uint32, typ byte, start, length int64) []byte {
	b := make([]byte, 512)
	binary.LittleEndian.PutUint32(b[440:], id)
	e := b[446:]
	e[1], e[2], e[3] = 0xFE, 0xFF, 0xFF
	e[4] = typ
	e[5], e[6], e[7] = 0xFE, 0xFF, 0xFF
	binary.LittleEndian.PutUint32(e[8:], uint32(start))
	binary.LittleEndian.PutUint32(e[12:], uint32(min(length, 0xFFFFFFFF)))
	b[510], b[511] = 0x55, 0xAA
	return b
}

func writeGPT(w io.WriterAt, t table, size, sector int64) error {
	last := size/sector - 1
	tableSectors := int64(gptEntries*gptEntry) / sector
	entries := make([]byte, gptEntries*gptEntry)
	for i, p := range t.Parts {
		e := entries[i*gptEntry:]
		id := make([]byte, 16)
		rand.Read(id)
		copy(e, guidBytes(p.Type))
		copy(e[16:], id)
		binary.LittleEndian.PutUint64(e[32:], uint64(p.Start/sector))
		binary.LittleEndian.PutUint64(e[40:], uint64((p.Start+p.Length)/sector-1))
		for j, u := range utf16.Encode([]rune(partitionLabel)) {
			binary.LittleEndian.PutUint16(e[56+2*j:], u)
		}
	}
	header := func(here, other, entriesAt int64) []byte {
		h := make([]byte, 92)
		copy(h, "EFI PART\x00\x00\x01\x00")
		binary.LittleEndian.PutUint32(h[12:], 92)
		binary.LittleEndian.PutUint64(h[24:], uint64(here))
		binary.LittleEndian.PutUint64(h[32:], uint64(other))
		binary.LittleEndian.PutUint64(h[40:], uint64(2+tableSectors))
		binary.LittleEndian.PutUint64(h[48:], uint64(last-tableSectors-1))
		copy(h[56:], guidBytes(t.ID))
		binary.LittleEndian.PutUint64(h[72:], uint64(entriesAt))
		binary.LittleEndian.PutUint32(h[80:], gptEntries)
		binary.LittleEndian.PutUint32(h[84:], gptEntry)
		binary.LittleEndian.PutUint32(h[88:], crc32.ChecksumIEEE(entries))
		binary.LittleEndian.PutUint32(h[16:], crc32.ChecksumIEEE(h))
		return h
	}
	write := func(b []byte, sectorNo int64) error {
		_, err := w.WriteAt(b, sectorNo*sector)
		return err
	}
	return errors.Join( // the copy first: a crash in between leaves no half table that looks whole
		write(entries, last-tableSectors),
		write(header(last, 1, last-tableSectors), last),
		write(entries, 2),
		write(header(1, last, 2), 1),
		write(mbrSector(0, 0xEE, 1, last), 0),
	)
}

// guidBytes is the reverse of guidText.
func guidBytes(text string) []byte {
	var a, b, c uint32
	var rest []byte
	_, err := fmt.Sscanf(text[:18], "%08X-%04X-%04X", &a, &b, &c)
	if err == nil {
		_, err = fmt.Sscanf(text[19:23]+text[24:], "%X", &rest)
	}
	if err != nil || len(rest) != 8 {
		return make([]byte, 16)
	}
	out := binary.LittleEndian.AppendUint32(nil, a)
	out = binary.LittleEndian.AppendUint16(out, uint16(b))
	out = binary.LittleEndian.AppendUint16(out, uint16(c))
	return append(out, rest...)
}

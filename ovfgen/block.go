package ovfgen

import (
	"encoding/binary"
	"time"
)

const (
	domain           = "*OSTA UDF Compliant"
	implementation   = "*waagent-go ovfgen"
	hardWriteProtect = 1
	parentFlag       = 0x0a             // a directory, and the parent
	readAndExecute   = 5<<10 | 5<<5 | 5 // owner, group, others
)

// implementationSuffix says Unix, Linux: the operating system class and identifier of who wrote this.
var implementationSuffix = []byte{4, 5}

// block is a descriptor under construction.
type block struct {
	tag  uint16
	data []byte
}

func newBlock(tag uint16, size int) *block { return &block{tag, make([]byte, size)} }

func (b *block) u16(at int, v uint16) { binary.LittleEndian.PutUint16(b.data[at:], v) }
func (b *block) u32(at int, v uint32) { binary.LittleEndian.PutUint32(b.data[at:], v) }

// name writes a fixed-size string: a byte for 8 bits a character, the text, and the used length in the last byte.
func (b *block) name(at, size int, text string) {
	text = text[:min(len(text), size-2)]
	b.data[at] = 8
	copy(b.data[at+1:], text)
	b.data[at+size-1] = byte(len(text) + 1)
}

// charset says that strings are OSTA compressed Unicode.
func (b *block) charset(at int) { copy(b.data[at+1:], "OSTA Compressed Unicode") }

// id writes an entity identifier: flags, 23 bytes of name, 8 of suffix.
func (b *block) id(at int, name string, suffix []byte) {
	copy(b.data[at+1:at+24], name)
	copy(b.data[at+24:at+32], suffix)
}

// longExtent writes a length and a block of partition 0.
func (b *block) longExtent(at int, size, block uint32) {
	b.u32(at, size)
	b.u32(at+4, block)
}

// time writes a timestamp in UTC.
func (b *block) time(at int, t time.Time) {
	b.u16(at, 1<<12)
	b.u16(at+2, uint16(t.Year()))
	b.data[at+4] = byte(t.Month())
	b.data[at+5] = byte(t.Day())
	b.data[at+6] = byte(t.Hour())
	b.data[at+7] = byte(t.Minute())
	b.data[at+8] = byte(t.Second())
}

// sealed fills in the tag, with its checksums, for the address the descriptor stands at.
func (b *block) sealed(location uint32, version uint16) []byte {
	b.u16(0, b.tag)
	b.u16(2, version)
	b.data[4] = 0
	b.u16(6, 1) // serial number
	b.u16(8, crc(b.data[16:]))
	b.u16(10, uint16(len(b.data)-16))
	b.u32(12, location)
	var sum byte
	for n, v := range b.data[:16] {
		if n != 4 {
			sum += v
		}
	}
	b.data[4] = sum
	return b.data
}

// crc is CRC-CCITT with polynomial 0x1021, from 0.
func crc(data []byte) uint16 {
	var sum uint16
	for _, v := range data {
		sum ^= uint16(v) << 8
		for range 8 {
			if sum&0x8000 != 0 {
				sum = sum<<1 ^ 0x1021
			} else {
				sum <<= 1
			}
		}
	}
	return sum
}

// revisionSuffix is the suffix of identifiers that name a UDF revision.
func (p *plan) revisionSuffix(flags byte) []byte {
	revision := p.Format.revision()
	return []byte{byte(revision), byte(revision >> 8), flags}
}

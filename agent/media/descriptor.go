package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"
)

// descriptor is one UDF structure, its tag verified. Offsets are ECMA-167's; it is never shorter than a sector of 512
// bytes, so the fixed ones need no checks.
type descriptor []byte

const anyTag = 0

// shortest is the least number of bytes read for a descriptor.
const shortest = 512

func (d descriptor) tag() uint16       { return d.u16(0) }
func (d descriptor) u16(at int) uint16 { return binary.LittleEndian.Uint16(d[at:]) }
func (d descriptor) u32(at int) uint32 { return binary.LittleEndian.Uint32(d[at:]) }
func (d descriptor) u64(at int) uint64 { return binary.LittleEndian.Uint64(d[at:]) }
func (d descriptor) bytes(at int, n uint32) ([]byte, error) {
	if int64(n) > int64(len(d)-at) {
		return nil, fmt.Errorf("%d bytes do not fit in a descriptor", n)
	}
	return d[at : at+int(n)], nil
}

// read reads the sector at offset as a descriptor. Its checksums are verified, and the address it says it stands at:
// stale structures of an older image differ there. The address is relative to the partition inside one.
func (u *udf) read(offset int64, location uint32, want uint16) (descriptor, error) {
	d, err := u.readLong(offset, location, shortest)
	if err != nil {
		return nil, err
	}
	if want != anyTag && d.tag() != want {
		return nil, fmt.Errorf("descriptor %d where %d belongs", d.tag(), want)
	}
	return d, nil
}

// readLong is read for a descriptor of any kind and up to size bytes, which need not be there.
func (u *udf) readLong(offset int64, location uint32, size int) (descriptor, error) {
	d := make(descriptor, max(u.block, int64(size)))
	n, err := u.r.ReadAt(d, offset)
	if n < shortest {
		return nil, err
	}
	d = d[:n]
	return d, verify(d, location)
}

func verify(d descriptor, location uint32) error {
	var sum byte
	for n, v := range d[:16] {
		if n != 4 {
			sum += v
		}
	}
	length := int(d.u16(10))
	switch {
	case sum != d[4]:
		return errors.New("no descriptor: wrong checksum")
	case length > len(d)-16:
		return fmt.Errorf("descriptor %d of %d bytes", d.tag(), length)
	case crc(d[16:16+length]) != d.u16(8):
		return fmt.Errorf("descriptor %d is damaged", d.tag())
	case d.u32(12) != location:
		return fmt.Errorf("descriptor %d is of block %d, not %d", d.tag(), d.u32(12), location)
	}
	return nil
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

// name is a fixed-size string: its last byte is the length in use.
func (d descriptor) name(at, size int) string {
	used := min(int(d[at+size-1]), size-1)
	return text(d[at : at+used])
}

// text decodes OSTA compressed Unicode: a byte that says how wide characters are, and the characters.
func text(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	var units []uint16
	switch b[0] {
	case 8:
		for _, v := range b[1:] {
			units = append(units, uint16(v))
		}
	case 16:
		for n := 1; n+1 < len(b); n += 2 {
			units = append(units, binary.BigEndian.Uint16(b[n:]))
		}
	}
	return strings.TrimRight(string(utf16.Decode(units)), "\x00")
}

// time reads a timestamp; its zone is minutes, or unknown.
func (d descriptor) time(at int) time.Time {
	zone := int(int16(d.u16(at)<<4) >> 4)
	if zone < -1440 || zone > 1440 {
		zone = 0
	}
	return time.Date(int(int16(d.u16(at+2))), time.Month(d[at+4]), int(d[at+5]), int(d[at+6]), int(d[at+7]), int(d[at+8]),
		0, time.FixedZone("", zone*60)).UTC()
}

// longExtent is a length and a block of a partition.
type longExtent struct {
	length    uint32 // the two upper bits say what kind of extent this is
	block     uint32
	partition uint16
}

func (d descriptor) longExtent(at int) longExtent {
	return longExtent{d.u32(at), d.u32(at + 4), d.u16(at + 8)}
}

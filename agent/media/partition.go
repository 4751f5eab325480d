package media

import (
	"errors"
	"fmt"
	"strings"
)

// partition is a run of sectors; a sparable one has a few of its packets elsewhere.
type partition struct {
	start, length int64 // in sectors
	packet        int64 // sectors of a packet, 0 if nothing can be moved
	moved         map[uint32]uint32
}

// maxSpare bounds the table of moved packets.
const maxSpare = 4096

// mapPartitions follows the logical volume's maps.
func (u *udf) mapPartitions(found map[uint16]partition) error {
	maps, err := u.volume.bytes(440, u.volume.u32(264))
	if err != nil {
		return err
	}
	for len(maps) >= 6 && len(u.partitions) < 16 {
		length := int(maps[1])
		if length < 6 || length > len(maps) {
			return errors.New("malformed partition map")
		}
		p, err := u.mapPartition(maps[:length], found)
		if err != nil {
			return err
		}
		u.partitions = append(u.partitions, p)
		maps = maps[length:]
	}
	if len(u.partitions) == 0 {
		return errors.New("no partition map")
	}
	return nil
}

func (u *udf) mapPartition(m descriptor, found map[uint16]partition) (partition, error) {
	number, kind := m.u16(4), "plain"
	if m[0] == 2 && len(m) == 64 {
		number, kind = m.u16(38), strings.TrimRight(string(m[5:28]), "\x00")
	}
	p, ok := found[number]
	switch {
	case !ok:
		return p, fmt.Errorf("no partition %d", number)
	case m[0] == 1:
		return p, nil
	case kind == "*UDF Sparable Partition":
		err := u.readMoved(&p, m)
		return p, err
	}
	return p, fmt.Errorf("partition map %d %q is not supported", m[0], kind)
}

// readMoved reads the first sparing table that is intact.
func (u *udf) readMoved(p *partition, m descriptor) error {
	if p.packet = int64(m.u16(40)); p.packet == 0 {
		return errors.New("packets of no length")
	}
	for n := range min(int(m[42]), 4) {
		sector := m.u32(48 + 4*n)
		d, err := u.readLong(int64(sector)*u.block, sector, 56+8*maxSpare)
		if err != nil || strings.TrimRight(string(d[17:40]), "\x00") != "*UDF Sparing Table" {
			continue
		}
		p.moved = map[uint32]uint32{}
		for n := range min(int(d.u16(48)), maxSpare, (len(d)-56)/8) {
			if from := d.u32(56 + 8*n); from < 0xfffffff0 {
				p.moved[from] = d.u32(60 + 8*n)
			}
		}
		return nil
	}
	return errors.New("no sparing table")
}

// offset is where a block of a partition stands in the image.
func (u *udf) offset(number uint16, block uint32) (int64, error) {
	if int(number) >= len(u.partitions) {
		return 0, fmt.Errorf("no partition %d", number)
	}
	p := u.partitions[number]
	if int64(block) >= p.length {
		return 0, fmt.Errorf("block %d of a partition of %d", block, p.length)
	}
	if p.packet > 0 {
		start := block - block%uint32(p.packet)
		if to, ok := p.moved[start]; ok {
			return (int64(to) + int64(block-start)) * u.block, nil
		}
	}
	return (p.start + int64(block)) * u.block, nil
}

// runs are the extents of length bytes from block on: one, unless packets were moved.
func (u *udf) runs(number uint16, block uint32, length int64) ([]extent, error) {
	at, err := u.offset(number, block)
	if err != nil {
		return nil, err
	}
	p := u.partitions[number]
	if last := int64(block) + (length+u.block-1)/u.block; last > p.length {
		return nil, fmt.Errorf("block %d of a partition of %d", last, p.length)
	}
	if len(p.moved) == 0 {
		return []extent{{at, length}}, nil
	}
	var list []extent
	for length > 0 && len(list) <= maxExtents {
		if at, err = u.offset(number, block); err != nil {
			return nil, err
		}
		n := min(length, (p.packet-int64(block)%p.packet)*u.block)
		list = append(list, extent{at, n})
		length -= n
		block += uint32((n + u.block - 1) / u.block)
	}
	return list, nil
}

// descriptorIn reads a descriptor inside a partition.
func (u *udf) descriptorIn(l longExtent, want uint16) (descriptor, error) {
	at, err := u.offset(l.partition, l.block)
	if err != nil {
		return nil, err
	}
	return u.read(at, l.block, want)
}

package ovfgen

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

// sectorSize is that of every optical disc.
const sectorSize = 2048

// disc collects what stands where, and writes it in one pass with zeros between.
type disc struct {
	w       io.Writer
	sectors uint32
	pieces  []piece
}

type piece struct {
	sector uint32
	data   []byte
}

func newDisc(w io.Writer, sectors uint32) *disc { return &disc{w: w, sectors: sectors} }

// at places data at the beginning of a sector.
func (d *disc) at(sector uint32, data []byte) {
	if len(data) > 0 {
		d.pieces = append(d.pieces, piece{sector, data})
	}
}

// flush writes the image. Two pieces that overlap are a fault of the layout.
func (d *disc) flush() error {
	slices.SortFunc(d.pieces, func(a, b piece) int { return cmp.Compare(a.sector, b.sector) })
	var pos int64
	for _, p := range d.pieces {
		start := int64(p.sector) * sectorSize
		if start < pos {
			return fmt.Errorf("write image: sector %d is taken", p.sector)
		}
		if err := d.zeros(start - pos); err != nil {
			return err
		}
		if _, err := d.w.Write(p.data); err != nil {
			return fmt.Errorf("write image: %w", err)
		}
		pos = start + int64(len(p.data))
	}
	return d.zeros(int64(d.sectors)*sectorSize - pos)
}

func (d *disc) zeros(n int64) error {
	block := make([]byte, min(n, 1<<16))
	for n > 0 {
		written, err := d.w.Write(block[:min(n, int64(len(block)))])
		if err != nil {
			return fmt.Errorf("write image: %w", err)
		}
		n -= int64(written)
	}
	return nil
}

// sectorsOf is how many sectors n bytes take.
func sectorsOf(n int) uint32 { return uint32((n + sectorSize - 1) / sectorSize) }

package resourcedisk

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// survey looks at a disk without changing it.
func (o Options) survey(c candidate, f *os.File) (survey, error) {
	s := survey{Device: c.device, NVMe: c.nvme}
	size, err := o.Disks.Size(f)
	if err != nil {
		return s, fmt.Errorf("size of %s: %w", c.device, err)
	}
	s.Whole.FS = probe(io.NewSectionReader(f, 0, size))
	s.Whole.Blank = s.Whole.FS == "" && blank(f, 0, size)
	if s.Whole.Blank || s.Whole.FS != "" {
		return s, nil
	}
	s.Table, err = readTable(f, size, o.Disks.SectorSize(f))
	if errors.Is(err, errTable) {
		s.Damage = err
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w", c.device, err)
	}
	for _, p := range s.Table.Parts {
		if p.Type != gptReserved {
			s.Parts = append(s.Parts, look(f, p))
		}
	}
	s.Whole.Blank = s.Table.Kind != noTable && len(s.Table.Parts) == 0 && blank(f, mebibyte, size-2*mebibyte)
	rec, err := readRecord(o.Files, o.LibDir)
	if err != nil {
		o.Log.Warn("the record of the resource disk is unreadable, so no disk is known as formatted by this agent", "error", err.Error())
	}
	s.Ours = rec.names(s.Table)
	return s, nil
}

// look says what a partition holds.
func look(f io.ReaderAt, p part) content {
	r := io.NewSectionReader(f, p.Start, p.Length)
	c := content{Part: p, FS: probe(r)}
	switch c.FS {
	case "":
		c.Blank = blank(f, p.Start, p.Length)
	case "ntfs":
		var names []string
		names, c.Unread = ntfsNames(r)
		c.Names = foreignNames(names)
	}
	return c
}

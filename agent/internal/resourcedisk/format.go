package resourcedisk

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/machine"
)

// format gives the disk a table with one partition and makes a filesystem there. All that can fail without touching
// the disk is tried first.
func (o Options) format(ctx context.Context, s survey, p plan) error {
	mkfs := "mkfs." + p.FS
	if !o.Machine.Has(mkfs) {
		return fmt.Errorf("%s is not installed: %w", mkfs, exec.ErrNotFound)
	}
	if err := o.unused(s); err != nil {
		return err
	}
	t, err := o.repartition(ctx, s, p)
	if err != nil {
		return err
	}
	partition := partitionName(s.Device, 1)
	waiting, cancel := context.WithTimeout(ctx, nodeTimeout)
	defer cancel()
	if err := o.Disks.Await(waiting, partition); err != nil {
		return err
	}
	argv := mkfsCommand(p.FS, partition)
	if _, err := o.Machine.Run(ctx, machine.Command{Argv: argv, Timeout: mkfsTimeout}); err != nil {
		return err
	}
	return record{Device: s.Device, TableID: t.ID, Filesystem: p.FS, Finished: true}.write(o.Files, o.LibDir)
}

// unused makes sure that the kernel holds neither the disk nor a partition, say for RAID, a mapping or swap.
func (o Options) unused(s survey) error {
	if err := o.Disks.Exclusive(s.Device); err != nil {
		return err
	}
	for _, p := range s.Table.Parts {
		if name := partitionName(s.Device, p.Number); o.Files.Exists(name) {
			if err := o.Disks.Exclusive(name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o Options) repartition(ctx context.Context, s survey, p plan) (table, error) {
	f, err := o.Disks.Open(s.Device, true)
	if err != nil {
		return table{}, err
	}
	defer f.Close()
	size, err := o.Disks.Size(f)
	if err != nil {
		return table{}, err
	}
	t, err := newTable(p.Kind, size)
	if err != nil {
		return table{}, err
	}
	rec := record{Device: s.Device, TableID: t.ID, Filesystem: p.FS}
	if err := rec.write(o.Files, o.LibDir); err != nil {
		return table{}, fmt.Errorf("remember what is formatted: %w", err)
	}
	if err := writeTable(f, t, size, o.Disks.SectorSize(f)); err != nil {
		return table{}, err
	}
	if err := f.Sync(); err != nil {
		return table{}, fmt.Errorf("write partition table: %w", err)
	}
	waiting, cancel := context.WithTimeout(ctx, nodeTimeout)
	defer cancel()
	return t, o.Disks.Reread(waiting, f, extents(t))
}

func extents(t table) []host.Extent {
	var all []host.Extent
	for _, p := range t.Parts {
		all = append(all, host.Extent{Number: p.Number, Start: p.Start, Length: p.Length})
	}
	return all
}

// mkfsCommand knows how each program is told not to ask questions.
func mkfsCommand(fs, device string) []string {
	switch {
	case strings.HasPrefix(fs, "ext"):
		return []string{"mkfs." + fs, "-q", "-F", device}
	case fs == "xfs", fs == "btrfs", fs == "f2fs", fs == "reiserfs":
		return []string{"mkfs." + fs, "-f", device}
	case fs == "jfs":
		return []string{"mkfs." + fs, "-q", device}
	}
	return []string{"mkfs." + fs, device}
}

package resourcedisk

import (
	"errors"
	"testing"

	"gotest.tools/v3/assert"
)

func TestOnlyADiskWithNothingToLoseIsFormatted(t *testing.T) {
	t.Parallel()
	one := func(fs string) []content { return []content{{Part: part{Number: 1}, FS: fs}} }
	gptDisk, mbrDisk := table{Kind: gpt, ID: "A"}, table{Kind: mbr, ID: "B"}
	for name, c := range map[string]struct {
		s    survey
		want string
		plan plan
	}{
		"blank": {survey{Whole: content{Blank: true}}, "ext4",
			plan{Action: format, FS: "ext4", Kind: gpt, Reason: "the disk is blank"}},
		"blank, but ntfs is wanted": {survey{Whole: content{Blank: true}}, "ntfs",
			plan{Reason: "the disk is blank, and ResourceDisk.Filesystem=ntfs formats nothing"}},
		"only the notice": {survey{Table: mbrDisk, Parts: one("ntfs")}, "xfs",
			plan{Action: format, FS: "xfs", Kind: mbr, Reason: "its NTFS filesystem holds nothing but the platform's notice"}},
		"somebody's files": {survey{Table: gptDisk, Parts: []content{{FS: "ntfs", Part: part{Number: 2}, Names: []string{"a", "b", "c", "d"}}}}, "ext4",
			plan{Reason: `its NTFS filesystem holds ["a" "b" "c"] and 1 more`}},
		"NTFS that cannot be read": {survey{Table: gptDisk, Parts: []content{{FS: "ntfs", Part: part{Number: 1}, Unread: errNTFS}}}, "ext4",
			plan{Reason: "it holds an NTFS filesystem: NTFS cannot be read"}},
		"NTFS on NVMe": {survey{NVMe: true, Table: gptDisk, Parts: one("ntfs")}, "ext4",
			plan{Reason: "it holds a partition that is ntfs, and NVMe disks are used only when they are blank"}},
		"a filesystem on NVMe": {survey{NVMe: true, Whole: content{FS: "ext4"}}, "ext4",
			plan{Reason: "it holds ext4, and NVMe disks are used only when they are blank"}},
		"a blank partition on NVMe": {survey{NVMe: true, Table: gptDisk, Parts: []content{{Part: part{Number: 1}, Blank: true}}}, "ext4",
			plan{Reason: "it holds a partition that is blank, and NVMe disks are used only when they are blank"}},
		"blank NVMe": {survey{NVMe: true, Whole: content{Blank: true}}, "ext4",
			plan{Action: format, FS: "ext4", Kind: gpt, Reason: "the disk is blank"}},
		"NVMe that this agent formatted": {survey{NVMe: true, Ours: true, Table: gptDisk, Parts: one("ext4")}, "ext4",
			plan{Action: mountIt, Part: 1, FS: "ext4", Kind: gpt, Reason: "it has a filesystem"}},
		"NTFS is wanted": {survey{Table: mbrDisk, Parts: one("ntfs")}, "ntfs",
			plan{Action: mountIt, Part: 1, FS: "ntfs", Kind: mbr, Reason: "it has a filesystem"}},
		"another filesystem than the wanted one": {survey{Table: gptDisk, Parts: one("xfs")}, "ext4",
			plan{Action: mountIt, Part: 1, FS: "xfs", Kind: gpt, Reason: "it has a filesystem"}},
		"a filesystem without a table": {survey{Whole: content{FS: "ext4"}}, "ext4",
			plan{Action: mountIt, FS: "ext4", Reason: "it has a filesystem"}},
		"NTFS without a table": {survey{Whole: content{FS: "ntfs"}}, "ext4",
			plan{Reason: "the whole disk is one NTFS filesystem"}},
		"LVM":                         {survey{Whole: content{FS: "LVM2"}}, "ext4", plan{Reason: "it holds LVM2"}},
		"LUKS in a partition of ours": {survey{Ours: true, Table: gptDisk, Parts: one("LUKS")}, "ext4", plan{Reason: "it holds LUKS"}},
		"unknown data":                {survey{Table: gptDisk, Parts: one("")}, "ext4", plan{Reason: "it holds data of an unknown kind"}},
		"unknown data where we formatted": {survey{Ours: true, Table: gptDisk, Parts: one("")}, "ext4",
			plan{Action: format, FS: "ext4", Kind: gpt, Reason: "this agent formatted it, and its filesystem is gone"}},
		"a blank partition": {survey{Table: mbrDisk, Parts: []content{{Part: part{Number: 1}, Blank: true}}}, "ext4",
			plan{Action: format, FS: "ext4", Kind: mbr, Reason: "its only partition is blank"}},
		"several, one with a filesystem": {survey{Table: gptDisk, Parts: append(one("swap"), content{FS: "ext4", Part: part{Number: 3}})}, "ext4",
			plan{Action: mountIt, Part: 3, FS: "ext4", Reason: "it has a filesystem"}},
		"several without": {survey{Table: gptDisk, Parts: append(one("ntfs"), content{Blank: true})}, "ext4",
			plan{Reason: "it has 2 partitions: ntfs, blank"}},
		"a damaged table":           {survey{Ours: true, Damage: errTable}, "ext4", plan{Reason: "damaged partition table"}},
		"nothing that can be named": {survey{}, "ext4", plan{Reason: "it has no partition, but is not blank"}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.DeepEqual(t, decide(c.s, c.want), c.plan)
		})
	}
}

func TestADamagedFilesystemIsFormattedOnlyIfItIsOurs(t *testing.T) {
	t.Parallel()
	bad := errors.New("structure needs cleaning")
	p := plan{Action: mountIt, Part: 1, FS: "ext4"}
	assert.Equal(t, afterDamage(survey{Ours: true, Table: table{Kind: gpt}}, p, "ext4", bad).Action, format)
	got := afterDamage(survey{}, p, "ext4", bad)
	assert.Equal(t, got.Action, refuse)
	assert.Equal(t, got.Reason, "its ext4 filesystem cannot be mounted: structure needs cleaning")
}

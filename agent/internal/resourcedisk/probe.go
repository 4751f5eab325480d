package resourcedisk

import (
	"bytes"
	"encoding/binary"
	"io"
)

// signature is where something that lives on a disk leaves its name.
type signature struct {
	at    int64
	magic string
	name  string
}

// signatures are looked for in order. The list holds more than this agent can mount: what is recognised is never
// taken for blank, and an error can name it.
var signatures = []signature{
	{0, "XFSB", "xfs"},
	{0x10040, "_BHRfS_M", "btrfs"},
	{3, "NTFS    ", "ntfs"},
	{3, "EXFAT   ", "exfat"},
	{3, "-FVE-FS-", "BitLocker"},
	{0x36, "FAT1", "vfat"},
	{0x52, "FAT32   ", "vfat"},
	{0, "LUKS\xba\xbe", "LUKS"},
	{512, "LABELONE", "LVM2"},
	{0, "LABELONE", "LVM2"},
	{4096 - 10, "SWAPSPACE2", "swap"},
	{65536 - 10, "SWAPSPACE2", "swap"},
	{0, "\xfc\x4e\x2b\xa9", "RAID"},
	{4096, "\xfc\x4e\x2b\xa9", "RAID"},
	{1024, "\x10\x20\xf5\xf2", "f2fs"},
	{0x8001, "CD001", "iso9660"},
	{0x8000, "JFS1", "jfs"},
	{0x10034, "ReIsEr", "reiserfs"},
	{65536 + 1372, "\x19\x01\x54\x19", "ufs"},
	{0, "hsqs", "squashfs"},
	{0x1018, "\xc6\x85\x73\xf6", "bcache"},
	{128 << 10, "\x0c\xb1\xba\x00", "zfs"},
}

// probe names what lives in r, "" when nothing known does.
func probe(r io.ReaderAt) string {
	head := make([]byte, 136<<10)
	n, _ := r.ReadAt(head, 0) // a short disk is read as far as it goes
	head = head[:n]
	if name := probeExt(head); name != "" {
		return name
	}
	for _, s := range signatures {
		end := s.at + int64(len(s.magic))
		if end <= int64(len(head)) && string(head[s.at:end]) == s.magic {
			return s.name
		}
	}
	return ""
}

// probeExt tells the three ext filesystems apart by the features their kernels refuse to do without.
func probeExt(head []byte) string {
	if len(head) < 2048 || binary.LittleEndian.Uint16(head[1024+56:]) != 0xEF53 {
		return ""
	}
	compat := binary.LittleEndian.Uint32(head[1024+92:])
	incompat := binary.LittleEndian.Uint32(head[1024+96:])
	const journal, extents, large, flexible = 0x4, 0x40, 0x80, 0x200
	switch {
	case incompat&(extents|large|flexible) != 0:
		return "ext4"
	case compat&journal != 0:
		return "ext3"
	}
	return "ext2"
}

// mountable are the filesystems that are mounted when they are found.
func mountable(fs string) bool {
	switch fs {
	case "ext2", "ext3", "ext4", "xfs", "btrfs", "vfat", "exfat", "f2fs", "jfs", "reiserfs":
		return true
	}
	return false
}

// blank reports whether nothing was ever written to a part of a disk, as far as its two ends and a sample of what
// lies between can tell.
func blank(r io.ReaderAt, start, length int64) bool {
	const end, samples, sample = 1 << 20, 256, 4096
	zero := func(at, n int64) bool {
		n = min(n, start+length-at)
		buf := make([]byte, max(n, 0))
		if _, err := r.ReadAt(buf, at); err != nil {
			return false
		}
		return len(bytes.Trim(buf, "\x00")) == 0
	}
	if !zero(start, end) || !zero(max(start, start+length-end), end) {
		return false
	}
	for i := range int64(samples) {
		if !zero(start+length/samples*i/sample*sample, sample) {
			return false
		}
	}
	return true
}

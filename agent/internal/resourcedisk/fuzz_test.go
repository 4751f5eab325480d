package resourcedisk

import (
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// FuzzProbe: whatever lies on a disk, what is recognised is never blank, and a disk that holds anything that is not
// recognised and not zero at its ends is not blank either.
func FuzzProbe(f *testing.F) {
	for _, s := range signatures {
		head := make([]byte, s.at+int64(len(s.magic)))
		copy(head[s.at:], s.magic)
		f.Add(head)
	}
	f.Add(make([]byte, 4096))
	f.Add(append(make([]byte, 1024+56), 0x53, 0xEF))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := look(memory(data), part{Number: 1, Length: int64(len(data))})
		assert.Assert(t, c.FS == "" || !c.Blank)
		zero := !slices.ContainsFunc(data, func(b byte) bool { return b != 0 })
		if len(data) <= 1<<20 && len(data) > 0 {
			assert.Equal(t, c.Blank, zero)
		}
		p := decide(survey{Device: "/dev/sdb", Whole: c}, "ext4")
		assert.Assert(t, p.Action != format || c.Blank || c.FS == "ntfs" && len(c.Names) == 0, "%+v", p)
	})
}

// FuzzSwaps: a swap file is found in the kernel's list under its own name only, whatever it is called.
func FuzzSwaps(f *testing.F) {
	f.Add("Filename\tType\n/mnt/resource/swapfile file 2044 0 -2\n", "/mnt/resource/swapfile")
	f.Add(`/mnt/my\040disk/swapfile file 1 0 -2`, "/mnt/my disk/swapfile")
	f.Add(`/a\134040b file`, `/a\040b`)
	f.Fuzz(func(t *testing.T, list, name string) {
		if name == "" || strings.TrimSpace(name) != name || strings.ContainsAny(name, "\n") {
			return
		}
		escaped := strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`).Replace(name)
		assert.Assert(t, swapsOn(strings.TrimSuffix(list, "\n")+"\n"+escaped+" file 1020 0 -2\n", name))
		assert.Assert(t, !swapsOn(escaped+"x file 1020 0 -2\n", name))
	})
}

// FuzzBSDTools reads what FreeBSD's programs print.
func FuzzBSDTools(f *testing.F) {
	f.Add(gpartList, storvsc, devlist)
	f.Add("Geom name: da0\nGeom name: da1\nscheme: MBR\n", "", "<x> at scbus1 target 0 lun 0 (pass0,)")
	f.Fuzz(func(t *testing.T, list, pnp, disks string) {
		for name, scheme := range gpartSchemes(list) {
			assert.Assert(t, name != "" && scheme != "")
		}
		if m := storvscPnP.FindStringSubmatch(pnp); m != nil {
			assert.Assert(t, strings.Trim(m[1], "0123456789") == "")
		}
		for _, d := range camDisk.FindAllStringSubmatch(disks, -1) {
			assert.Assert(t, strings.HasPrefix(d[1], "scbus") && d[2] != "")
		}
		assert.Assert(t, !swapListed(list, ""))
	})
}

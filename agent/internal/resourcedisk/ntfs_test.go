package resourcedisk

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/machine"
)

// ntfsDisk is an NTFS with the given files, made by ntfs-3g's tools.
func ntfsDisk(t testing.TB, names ...string) memory {
	t.Helper()
	m := host.New("/", nil)
	if !m.Has("mkntfs") || !m.Has("ntfscp") {
		t.Skip("no mkntfs")
	}
	dir := t.TempDir()
	image, file := filepath.Join(dir, "image"), filepath.Join(dir, "file")
	assert.NilError(t, os.WriteFile(image, make([]byte, 4*mebibyte), 0o644))
	assert.NilError(t, os.WriteFile(file, []byte("hello"), 0o644))
	run := func(argv ...string) {
		_, err := m.Run(t.Context(), machine.Command{Argv: argv})
		assert.NilError(t, err)
	}
	run("mkntfs", "-q", "-F", "-L", "Temporary Storage", image)
	for _, n := range names {
		run("ntfscp", "-q", image, file, "/"+n)
	}
	text, err := os.ReadFile(image)
	assert.NilError(t, err)
	return text
}

func TestTheRootOfAnNTFSIsListed(t *testing.T) {
	t.Parallel()
	names, err := ntfsNames(ntfsDisk(t))
	assert.NilError(t, err)
	assert.Equal(t, len(names), 0)

	names, err = ntfsNames(ntfsDisk(t, "DATALOSS_WARNING_README.txt"))
	assert.NilError(t, err)
	assert.DeepEqual(t, names, []string{"DATALOSS_WARNING_README.txt"})
	assert.Equal(t, len(foreignNames(names)), 0)

	names, err = ntfsNames(ntfsDisk(t, "DATALOSS_WARNING_README.txt", "results.csv"))
	assert.NilError(t, err)
	assert.DeepEqual(t, foreignNames(names), []string{"results.csv"})
}

func TestALongRootFolderIsListedWhole(t *testing.T) {
	t.Parallel()
	var want []string
	for _, a := range "abcdef" {
		for _, b := range "0123456789" {
			want = append(want, "a rather long file name of somebody "+string(a)+string(b))
		}
	}
	got, err := ntfsNames(ntfsDisk(t, want...))
	assert.NilError(t, err)
	slices.Sort(want)
	assert.DeepEqual(t, got, want)
}

func TestAHalfWrittenNTFSIsNotTakenForEmpty(t *testing.T) {
	t.Parallel()
	disk := ntfsDisk(t)
	n, err := openNTFS(disk)
	assert.NilError(t, err)
	disk[n.mft+rootRecord*n.recordSize+510] ^= 0xFF
	_, err = ntfsNames(disk)
	assert.ErrorIs(t, err, errNTFS)
}

// FuzzNTFS changes the places that matter of a small NTFS: its boot sector and the root's record.
func FuzzNTFS(f *testing.F) {
	disk := ntfsDisk(f, "DATALOSS_WARNING_README.txt", "results.csv")
	n, err := openNTFS(disk)
	assert.NilError(f, err)
	at := n.mft + rootRecord*n.recordSize
	f.Add([]byte(disk[:512]), []byte(disk[at:at+n.recordSize]))
	f.Fuzz(func(t *testing.T, boot, root []byte) {
		names, err := ntfsNames(patched{disk, int64(len(disk)), map[int64]memory{
			0: boot[:min(len(boot), 512)], at: root[:min(len(root), int(n.recordSize))],
		}})
		if err != nil {
			assert.ErrorIs(t, err, errNTFS)
			return
		}
		assert.Assert(t, slices.IsSorted(names))
		assert.Assert(t, !slices.Contains(names, ""))
	})
}

package resourcedisk

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/machine"
)

// memory is a small disk.
type memory []byte

func (m memory) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(p)) > int64(len(m)) {
		if at >= 0 && at < int64(len(m)) {
			return copy(p, m[at:]), errors.New("end of disk")
		}
		return 0, errors.New("outside the disk")
	}
	return copy(p, m[at:]), nil
}

func (m memory) WriteAt(p []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(p)) > int64(len(m)) {
		return 0, errors.New("outside the disk")
	}
	return copy(m[at:], p), nil
}

// patched is a disk of which only some places are not zero.
type patched struct {
	base memory
	size int64
	at   map[int64]memory
}

func (d patched) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(p)) > d.size {
		return 0, errors.New("outside the disk")
	}
	clear(p)
	if at < int64(len(d.base)) {
		copy(p, d.base[at:])
	}
	for start, patch := range d.at {
		if from, to := max(at, start), min(at+int64(len(p)), start+int64(len(patch))); from < to {
			copy(p[from-at:], patch[from-start:to-start])
		}
	}
	return len(p), nil
}

func TestATableReadsAsItWasWritten(t *testing.T) {
	t.Parallel()
	for _, k := range []kind{mbr, gpt} {
		for _, sector := range []int{512, 4096} {
			disk := make(memory, 8*mebibyte+12345/sector*sector)
			want, err := newTable(k, int64(len(disk)))
			assert.NilError(t, err)
			assert.NilError(t, writeTable(disk, want, int64(len(disk)), sector))
			got, err := readTable(disk, int64(len(disk)), sector)
			assert.NilError(t, err)
			assert.DeepEqual(t, got, want)
			assert.Equal(t, got.Parts[0].Start, int64(mebibyte))
		}
	}
}

func TestTheCopyOfAGPTServesWhenTheFirstIsDamaged(t *testing.T) {
	t.Parallel()
	disk := make(memory, 8*mebibyte)
	want, err := newTable(gpt, int64(len(disk)))
	assert.NilError(t, err)
	assert.NilError(t, writeTable(disk, want, int64(len(disk)), 512))
	disk[512+60] ^= 0xFF
	got, err := readTable(disk, int64(len(disk)), 512)
	assert.NilError(t, err)
	assert.DeepEqual(t, got, want)
	disk[len(disk)-512+60] ^= 0xFF
	_, err = readTable(disk, int64(len(disk)), 512)
	assert.ErrorIs(t, err, errTable)
}

func TestATableThatPointsOutsideTheDiskIsDamaged(t *testing.T) {
	t.Parallel()
	disk := make(memory, 4*mebibyte)
	copy(disk, mbrSector(1, 7, 2048, 1<<30))
	_, err := readTable(disk, int64(len(disk)), 512)
	assert.ErrorIs(t, err, errTable)
}

func TestOtherToolsReadOurTables(t *testing.T) {
	t.Parallel()
	m := host.New("/", nil)
	if !m.Has("sfdisk") {
		t.Skip("no sfdisk")
	}
	for _, k := range []kind{mbr, gpt} {
		name := filepath.Join(t.TempDir(), "disk")
		f, err := os.Create(name)
		assert.NilError(t, err)
		assert.NilError(t, f.Truncate(64*mebibyte))
		want, err := newTable(k, 64*mebibyte)
		assert.NilError(t, err)
		assert.NilError(t, writeTable(f, want, 64*mebibyte, 512))
		assert.NilError(t, f.Close())
		res, err := m.Run(t.Context(), machine.Command{Argv: []string{"sfdisk", "--verify", name}})
		assert.NilError(t, err)
		assert.Equal(t, len(res.Stderr), 0, "%s", res.Stderr)
	}
}

func FuzzTable(f *testing.F) {
	for _, k := range []kind{mbr, gpt} {
		disk := make(memory, 3*mebibyte)
		t, err := newTable(k, int64(len(disk)))
		if err != nil {
			f.Fatal(err)
		}
		if err := writeTable(disk, t, int64(len(disk)), 512); err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(disk[:20<<10]))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		const size = 3 * mebibyte
		got, err := readTable(patched{base: memory(head), size: size}, size, 512)
		if err != nil {
			return
		}
		for _, p := range got.Parts {
			assert.Assert(t, p.Start > 0 && p.Length > 0 && p.Start+p.Length <= size, "%+v", p)
		}
	})
}

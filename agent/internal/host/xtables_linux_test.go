package host

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"gotest.tools/v3/assert"
)

// entry is one rule of a table as the kernel hands it out.
func entry(size uint16, counter byte) []byte {
	e := make([]byte, max(iptEntrySize, int(size)))
	binary.NativeEndian.PutUint16(e[iptNextOffset:], size)
	e[iptEntrySize-1] = counter
	return e
}

func TestCountersDoNotChangeThePrint(t *testing.T) {
	t.Parallel()
	a := slices.Concat(entry(152, 1), entry(112, 2))
	b := slices.Concat(entry(152, 3), entry(112, 4))
	assert.Assert(t, bytes.Equal(withoutCounters(a), withoutCounters(b)))
	c := slices.Concat(entry(152, 3), entry(112, 4))
	c[120] = 1 // in what follows the head of the first
	assert.Assert(t, !bytes.Equal(withoutCounters(b), withoutCounters(c)))
}

// FuzzXtables: entries of whatever length end, and nothing but counters is cleared.
func FuzzXtables(f *testing.F) {
	f.Add(slices.Concat(entry(152, 1), entry(112, 2)))
	f.Add(entry(1, 1))
	f.Add(entry(0xffff, 1))
	f.Fuzz(func(t *testing.T, entries []byte) {
		before := slices.Clone(entries)
		after := withoutCounters(entries)
		assert.Equal(t, len(after), len(before))
		assert.DeepEqual(t, after[:min(len(after), iptComeFrom)], before[:min(len(before), iptComeFrom)])
		assert.Assert(t, bytes.Equal(withoutCounters(slices.Clone(after)), after))
	})
}

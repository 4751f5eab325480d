package resourcedisk

import (
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/host"
)

// FuzzRecord reads a foreign record of the disk. One that was understood is understood the same when it is written.
func FuzzRecord(f *testing.F) {
	for _, text := range []string{`{"version":1,"device":"/dev/sdb","tableId":"x","filesystem":"ext4","finished":true}`, `null`, `[]`, ``, `{"device":5}`} {
		f.Add([]byte(text))
	}
	files := host.Files{Root: f.TempDir()}
	f.Fuzz(func(t *testing.T, data []byte) {
		assert.NilError(t, files.MkdirAll("/lib/state", 0o700))
		assert.NilError(t, files.WriteAtomic("/lib/"+recordName, data, 0o600))
		r, err := readRecord(files, "/lib")
		if err != nil {
			assert.Equal(t, r, record{})
			return
		}
		assert.NilError(t, r.write(files, "/lib"))
		again, err := readRecord(files, "/lib")
		assert.NilError(t, err)
		r.Version = 1
		assert.Equal(t, again, r)
		assert.Assert(t, !r.names(table{}), "no record is about a disk without a table")
	})
}

package host

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

// FuzzRecord reads foreign records of commands, as a death in the middle of a write leaves them. An end that is added is
// read again.
func FuzzRecord(f *testing.F) {
	for _, text := range []string{
		`{"version":1,"start":{"pid":7,"ticks":9,"boot":"b"}}` + "\n", `{"version":1,"start":{"pid":7}}` + "\n" + `{"version":1,"end":{"exi`,
		`null`, `[]`, ``, `{"end":{"exitCode":-9}}{`,
	} {
		f.Add([]byte(text))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		name := filepath.Join(dir, "record")
		assert.NilError(t, os.WriteFile(name, data, 0o600))
		r, err := readRecord(name)
		if err != nil {
			assert.Equal(t, r, record{})
			return
		}
		r.End = &commandFinal{ExitCode: 3, TimedOut: true}
		assert.NilError(t, r.fail(name))
		again, err := readRecord(name)
		assert.NilError(t, err)
		assert.DeepEqual(t, again.End, r.End)
		end, err := again.End.result()
		assert.NilError(t, err)
		assert.Equal(t, end.ExitCode, 3)
	})
}

package media

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"gotest.tools/v3/assert"
)

const label = "rd_rdfe_stable.261101-0000"

// sample unpacks an image of testdata; the README there says who made it.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".gz"))
	assert.NilError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	assert.NilError(t, err)
	image, err := io.ReadAll(z)
	assert.NilError(t, err)
	return image
}

func numbers() string {
	b := make([]byte, 5000)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return string(b)
}

func TestImagesOfOtherWritersAreRead(t *testing.T) {
	t.Parallel()
	long := map[string]string{"ovf-env.xml": "<Environment/>\n", "A Longer Name.Text": "long\n", "empty": "",
		"Gr\u00fc\u00dfe.txt": "hello\n", "sub/deeper/numbers.bin": numbers()}
	short := map[string]string{"ovf_env.xml": "<Environment/>\n", "a_longer.tex": "long\n", "empty": "",
		"sub/deeper/numbers.bin": numbers()}
	for name, c := range map[string]struct {
		info  Info
		files map[string]string
	}{
		"bridge.iso":    {Info{UDF, "1.02", label}, long},
		"joliet.iso":    {Info{ISO9660, joliet, label}, long},
		"rockridge.iso": {Info{ISO9660, rockRidge, label}, long},
		"plain.iso":     {Info{ISO9660, plainNames, label}, short},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys, info, err := Open(bytes.NewReader(sample(t, name)))
			assert.NilError(t, err)
			assert.Equal(t, info, c.info)
			for path, want := range c.files {
				got, err := fs.ReadFile(fsys, path)
				assert.NilError(t, err)
				assert.Assert(t, string(got) == want, path)
			}
			assert.NilError(t, fstest.TestFS(fsys, "sub/deeper/numbers.bin"))
		})
	}
}

// reserved are the files mkudffs makes on rewritable media.
var reserved = map[string][]string{"empty-cdrw-2048-1.50": {"Non-Allocatable Space"}}

func TestEveryMediumAndSectorSizeIsRecognised(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]string{"empty-hd-512-2.01": "2.01", "empty-hd-2048-1.02": "1.02",
		"empty-cdrw-2048-1.50": "1.50", "empty-dvdrw-2048-2.00": "2.00", "empty-dvd-2048-2.01": "2.01", "empty-hd-4096-2.01": "2.01"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys, info, err := Open(bytes.NewReader(sample(t, name+".udf")))
			assert.NilError(t, err)
			assert.Equal(t, info, Info{UDF, version, label})
			assert.NilError(t, fstest.TestFS(fsys, reserved[name]...))
		})
	}
}

func TestWhatIsNoDiscIsSaidToBeNone(t *testing.T) {
	t.Parallel()
	for name, image := range map[string][]byte{"nothing": nil, "zeros": make([]byte, 1<<20), "text": []byte(strings.Repeat("hello ", 1e5))} {
		_, _, err := Open(bytes.NewReader(image))
		assert.Assert(t, errors.Is(err, ErrUnknown), "%s: %v", name, err)
	}
}

func TestADamagedUDFSideLeavesTheISOSide(t *testing.T) {
	t.Parallel()
	image := sample(t, "bridge.iso")
	clear(image[256*sectorSize : 257*sectorSize]) // the anchor
	clear(image[len(image)-sectorSize:])          // and the one at the end
	for s := range len(image) / sectorSize {      // and wherever else it is
		if b := image[s*sectorSize:]; b[0] == tagAnchor && b[1] == 0 && b[16] != 0 && s > 256 {
			clear(b[:sectorSize])
		}
	}
	_, info, err := Open(bytes.NewReader(image))
	assert.NilError(t, err)
	assert.Equal(t, info.Filesystem, ISO9660)
}

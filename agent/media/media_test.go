package media

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"maps"
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

// long is what every sample holds, under the names of those that keep long ones.
var long = map[string]string{"ovf-env.xml": "<Environment/>\n", "A Longer Name.Text": "long\n", "empty": "",
	"Gr\u00fc\u00dfe.txt": "hello\n", "sub/deeper/numbers.bin": numbers()}

func TestImagesOfOtherWritersAreRead(t *testing.T) {
	t.Parallel()
	short := map[string]string{"ovf_env.xml": "<Environment/>\n", "a_longer.tex": "long\n", "empty": "",
		"sub/deeper/numbers.bin": numbers()}
	for name, c := range map[string]struct {
		info  Info
		files map[string]string
	}{
		"bridge.iso":    {Info{UDF, "1.02", label, true}, long},
		"joliet.iso":    {Info{ISO9660, joliet, label, false}, long},
		"rockridge.iso": {Info{ISO9660, rockRidge, label, false}, long},
		"plain.iso":     {Info{ISO9660, plainNames, label, false}, short},
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

func TestDiscsWithoutFilesAreEmpty(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]string{"empty-dvdrw-2048-2.00": "2.00", "empty-dvd-2048-2.01": "2.01"} {
		fsys, info, err := Open(bytes.NewReader(sample(t, name+".udf")))
		assert.NilError(t, err)
		assert.Equal(t, info, Info{UDF, version, label, false})
		list, err := fs.Glob(fsys, "ovf*")
		assert.NilError(t, err)
		assert.Equal(t, len(list), 0)
	}
}

// The kernel's own driver wrote these: content inside entries, files in hundreds of pieces with continued lists,
// holes, deleted names, wide names, sparable packets, every sector size.
func TestWhatTheKernelWroteIsRead(t *testing.T) {
	t.Parallel()
	for _, medium := range []string{"cdrw-2048-1.50", "hd-2048-1.02", "hd-4096-2.00", "hd-512-2.01"} {
		t.Run(medium, func(t *testing.T) {
			t.Parallel()
			fsys, info, err := Open(bytes.NewReader(sample(t, "kernel-"+medium+".udf")))
			assert.NilError(t, err)
			assert.Equal(t, info, Info{UDF, medium[len(medium)-4:], label, false})
			files := maps.Clone(long)
			files["\u6f22\u5b57"] = "wide\n"
			files["sparse"] = strings.Repeat("\x00", 300000) + "end"
			files["sub/number 59"] = "59"
			var pieces strings.Builder
			for i := range 400 {
				pieces.WriteString(string([]byte{byte(i), byte(i >> 8)}) + strings.Repeat("\x00", 4094))
			}
			files["pieces"] = pieces.String()
			for path, want := range files {
				got, err := fs.ReadFile(fsys, path)
				assert.NilError(t, err)
				assert.Assert(t, string(got) == want, path)
			}
			list, err := fs.ReadDir(fsys, "sub")
			assert.NilError(t, err)
			assert.Equal(t, len(list), 31) // thirty of sixty were deleted; deeper is the other one
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

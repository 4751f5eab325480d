package ovfgen

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/media"
	"github.com/waagent-go/waagent/agent/protocol/ovfenv"
	"github.com/waagent-go/waagent/agent/protocol/secret"
)

var alice = Spec{Hostname: "web01", User: "alice", Password: secret.New("s3cret")}

func written(t testing.TB, s Spec) []byte {
	t.Helper()
	var image bytes.Buffer
	assert.NilError(t, Write(&image, s))
	return image.Bytes()
}

// names lists the files on the image of s.
func names(t testing.TB, s Spec) []string {
	t.Helper()
	fsys, _, err := media.Open(bytes.NewReader(written(t, s)))
	assert.NilError(t, err)
	list := []string{}
	entries, err := fs.ReadDir(fsys, ".")
	assert.NilError(t, err)
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestEveryFormatReadsBack(t *testing.T) {
	t.Parallel()
	for _, format := range Formats() {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			s := alice
			s.Format = format
			fsys, info, err := media.Open(bytes.NewReader(written(t, s)))
			assert.NilError(t, err)
			want := media.Info{Filesystem: media.UDF, Version: "1.02", Label: DefaultLabel}
			switch {
			case format == ISO9660:
				want.Filesystem, want.Version = media.ISO9660, "Joliet"
			case format == Bridge:
				want.Bridge = true
			default:
				want.Version = strings.TrimPrefix(string(format), "udf-")
			}
			assert.Equal(t, info, want)
			document, err := fs.ReadFile(fsys, ovfenv.FileName)
			assert.NilError(t, err)
			e, err := ovfenv.Decode(document)
			assert.NilError(t, err)
			assert.Equal(t, e.Linux.HostName, "web01")
			assert.NilError(t, fstest.TestFS(fsys, ovfenv.FileName))
		})
	}
}

// Old FreeBSD agents read the document from sector 295 without mounting anything.
func TestTheDocumentBeginsWhereAzurePutsIt(t *testing.T) {
	t.Parallel()
	assert.Assert(t, bytes.HasPrefix(written(t, alice)[295*sectorSize:], []byte("<?xml")))
}

func TestEqualSpecsAreEqualImages(t *testing.T) {
	t.Parallel()
	assert.Assert(t, bytes.Equal(written(t, alice), written(t, alice)))
}

func TestManyAndLargeFilesFit(t *testing.T) {
	t.Parallel()
	for _, format := range Formats() {
		i := Image{Format: format, Label: "waagent-run", Files: []File{
			{"empty", nil}, {"exact", bytes.Repeat([]byte("x"), 2*sectorSize)}, {"large", bytes.Repeat([]byte("0123456789"), 5e5)},
		}}
		for n := range 400 {
			i.Files = append(i.Files, File{fmt.Sprintf("a-file-whose-name-is-rather-long-%03d.txt", n), fmt.Append(nil, n)})
		}
		var image bytes.Buffer
		assert.NilError(t, WriteImage(&image, i))
		fsys, info, err := media.Open(bytes.NewReader(image.Bytes()))
		assert.NilError(t, err, format)
		assert.Equal(t, info.Label, "waagent-run")
		for _, f := range i.Files {
			got, err := fs.ReadFile(fsys, f.Name)
			assert.NilError(t, err)
			assert.Assert(t, bytes.Equal(got, f.Data), f.Name)
		}
	}
}

func TestWhatNoImageCanHoldIsRefused(t *testing.T) {
	t.Parallel()
	for _, i := range []Image{
		{Format: "fat"}, {Label: strings.Repeat("l", 32)}, {Label: "caf\u00e9"},
		{Files: []File{{"", nil}}}, {Files: []File{{"a/b", nil}}}, {Files: []File{{"..", nil}}},
		{Files: []File{{"a", nil}, {"A", nil}}}, {Files: []File{{"\x01", nil}}}, {Files: make([]File, maxFiles+1)},
	} {
		assert.Assert(t, WriteImage(&bytes.Buffer{}, i) != nil, i)
	}
}

// Programs that know nothing of this one accept every format and find the document.
func TestOtherReadersAgree(t *testing.T) {
	t.Parallel()
	for _, format := range Formats() {
		s := alice
		s.Format = format
		path := filepath.Join(t.TempDir(), "dvd.iso")
		assert.NilError(t, os.WriteFile(path, written(t, s), 0o600))
		t.Run("udfinfo "+string(format), func(t *testing.T) {
			if format == ISO9660 {
				return // there is no UDF on it
			}
			out := run(t, "udfinfo", path)
			assert.Assert(t, strings.Contains(out, "\nlabel="+DefaultLabel+"\n"), out)
			assert.Assert(t, strings.Contains(out, "\nintegrity=closed\n"), out)
			assert.Assert(t, !strings.Contains(strings.ToLower(out), "warning"), out)
		})
		t.Run("7z "+string(format), func(t *testing.T) {
			run(t, "7z", "t", path)
			assert.Assert(t, strings.Contains(run(t, "7z", "x", "-so", path, ovfenv.FileName), "<HostName>web01</HostName>"))
		})
		t.Run("bsdtar "+string(format), func(t *testing.T) {
			if !format.iso() {
				return // libarchive reads ISO 9660 alone
			}
			assert.Assert(t, strings.Contains(run(t, "bsdtar", "xOf", path, ovfenv.FileName), "<HostName>web01</HostName>"))
		})
		t.Run("blkid "+string(format), func(t *testing.T) {
			out := run(t, "blkid", "-p", path)
			want := "udf"
			if format == ISO9660 {
				want = "iso9660"
			}
			assert.Assert(t, strings.Contains(out, ` TYPE="`+want+`"`), out)
			assert.Assert(t, strings.Contains(out, ` LABEL="`+DefaultLabel+`"`), out)
		})
	}
}

func run(t *testing.T, argv ...string) string {
	t.Helper()
	if _, err := exec.LookPath(argv[0]); err != nil {
		t.Skip("no " + argv[0] + " here")
	}
	out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput()
	assert.NilError(t, err, string(out))
	return string(out)
}

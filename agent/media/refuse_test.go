package media

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestWhatIsNotSupportedIsNamed(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"empty-cdr-2048-1.50": `"*UDF Virtual Partition" is not supported`,
		"empty-bdr-2048-2.50": `is not supported`,
	} {
		_, _, err := Open(bytes.NewReader(sample(t, name+".udf")))
		assert.ErrorContains(t, err, want)
	}
}

func TestADirectoryInsideItselfIsAnError(t *testing.T) {
	t.Parallel()
	image := sample(t, "plain.iso")
	root := binary.LittleEndian.Uint32(image[16*sectorSize+158:])
	content := image[int(root)*sectorSize:]
	at := 0
	for content[at] != 0 && content[at+33] != 'S' { // the record of SUB
		at += int(content[at])
	}
	binary.LittleEndian.PutUint32(content[at+2:], root)
	_, _, err := Open(bytes.NewReader(image))
	assert.ErrorContains(t, err, "lies inside itself")
}

func TestAFileThatClaimsTheMoonIsNotReadAtOnce(t *testing.T) {
	t.Parallel()
	image := sample(t, "plain.iso")
	root := binary.LittleEndian.Uint32(image[16*sectorSize+158:])
	content := image[int(root)*sectorSize:]
	at := 0
	for content[at+33] != 'O' { // the record of OVF_ENV.XML
		at += int(content[at])
	}
	binary.LittleEndian.PutUint32(content[at+10:], 0xfffffff0)
	fsys, _, err := Open(bytes.NewReader(image))
	assert.NilError(t, err)
	_, err = fs.ReadFile(fsys, "ovf_env.xml")
	assert.ErrorContains(t, err, "too many to read at once")
}

func TestATruncatedImageIsAnErrorNotShortData(t *testing.T) {
	t.Parallel()
	image := sample(t, "joliet.iso")
	begin := bytes.Index(image, []byte("<Environment/>"))
	fsys, _, err := Open(bytes.NewReader(image[:begin+4]))
	assert.NilError(t, err)
	_, err = fs.ReadFile(fsys, "ovf-env.xml")
	assert.ErrorContains(t, err, "the image ends inside a file")
}

// An image whose directories list the same directory over and over costs no more than the budget.
func TestSharedDirectoriesEnd(t *testing.T) {
	t.Parallel()
	const dirs = 30
	image := make([]byte, (18+dirs)*sectorSize)
	copy(image[16*sectorSize:], "\x01CD001\x01")
	binary.LittleEndian.PutUint16(image[16*sectorSize+128:], sectorSize)
	copy(image[17*sectorSize:], "\xffCD001\x01")
	record := func(sector int, id byte) []byte {
		b := make([]byte, 34)
		b[0], b[25], b[32], b[33] = 34, 2, 1, id
		binary.LittleEndian.PutUint32(b[2:], uint32(sector))
		binary.LittleEndian.PutUint32(b[10:], sectorSize)
		return b
	}
	copy(image[16*sectorSize+156:], record(18, 0))
	for d := range dirs - 1 {
		for n := range 50 {
			copy(image[(18+d)*sectorSize+n*34:], record(19+d, byte('A'+n)))
		}
	}
	begin := time.Now()
	_, _, err := Open(bytes.NewReader(image))
	assert.ErrorContains(t, err, "more than")
	assert.Assert(t, time.Since(begin) < 5*time.Second)
}

func TestAUDFDirectoryInsideItselfIsAnError(t *testing.T) {
	t.Parallel()
	image := sample(t, "bridge.iso")
	at := bytes.Index(image, []byte("\x08sub")) - 38 // the identifier of sub, its name in 8 bits
	parent := at - at%sectorSize                     // the first identifier of the root names the root
	id := descriptor(image[at : at+44])
	copy(id[20:36], image[parent+20:parent+36])
	reseal(id)
	_, _, err := openUDF(bytes.NewReader(image))
	assert.ErrorContains(t, err, `"sub" lies inside itself`)
}

func TestADamagedDescriptorIsNoticed(t *testing.T) {
	t.Parallel()
	image := sample(t, "kernel-hd-2048-1.02.udf")
	at := bytes.Index(image, []byte("<Environment/>")) // it stands inside the file's entry
	image[at] = '['
	_, _, err := Open(bytes.NewReader(image))
	assert.ErrorContains(t, err, "descriptor 261 is damaged")
}

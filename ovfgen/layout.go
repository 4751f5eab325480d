package ovfgen

import "time"

// Where things stand, in sectors. Fixed are the first two and the anchor; the rest is this writer's choice, but for
// the first file: on Azure's own discs its bytes begin at sector 295, and old FreeBSD agents read them from there
// without mounting anything.
const (
	recognition  = 16 // volume recognition sequence, or ISO 9660's descriptors
	mainSequence = 32
	reserveCopy  = 48
	integrity    = 64
	pathTables   = 66 // of ISO 9660: four, one sector each
	isoDirectory = 70
	anchor       = 256
	partition    = 272
	firstFile    = 295

	sequenceLength = 16 // the least the standard allows
	maxFile        = 1<<30 - sectorSize
	maxFiles       = 1000
)

// Blocks of the partition.
const (
	fileSetBlock   = 0 // and a terminator after it
	rootEntryBlock = 2
	rootDataBlock  = 3
)

// plan is an image with a place for everything.
type plan struct {
	Image
	files   []placed
	rootDir []byte // UDF's
	sectors uint32
}

// placed is a file with the block of its entry and the sector of its first byte.
type placed struct {
	File
	entry  uint32
	sector uint32
}

func layout(i Image) *plan {
	p := &plan{Image: i}
	for _, f := range i.Files {
		p.files = append(p.files, placed{File: f})
	}
	p.rootDir = p.directory() // its length does not depend on where the files are
	entry := rootDataBlock + sectorsOf(len(p.rootDir))
	for n := range p.files {
		p.files[n].entry = entry + uint32(n)
	}
	p.rootDir = p.directory()
	sector := max(firstFile, partition+entry+uint32(len(p.files)))
	for n, f := range p.files {
		p.files[n].sector = sector
		sector += sectorsOf(len(f.Data))
	}
	p.sectors = sector + 1 // the second anchor is the last sector
	return p
}

func (p *plan) last() uint32 { return p.sectors - 1 }

func (p *plan) when() time.Time { return p.Time.UTC() }

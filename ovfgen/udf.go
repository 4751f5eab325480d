package ovfgen

import (
	"crypto/sha256"
	"fmt"
)

// The structures of ECMA-167 as the OSTA UDF specification narrows them: one volume, one read-only partition, one
// file set, one directory. Offsets in comments are the standard's.

const (
	tagPrimary    = 1
	tagAnchor     = 2
	tagUse        = 4
	tagPartition  = 5
	tagLogical    = 6
	tagFree       = 7
	tagTerminator = 8
	tagIntegrity  = 9
	tagFileSet    = 256
	tagFileID     = 257
	tagFileEntry  = 261

	icbDirectory = 4
	icbFile      = 5
)

// volumeName is what the kernel's mount message shows, as on Azure; the label is the logical volume's name.
const volumeName = "UDF Volume"

func (p *plan) writeUDF(d *disc) {
	p.recognise(d)
	for _, start := range []uint32{mainSequence, reserveCopy} {
		for n, b := range []*block{p.primary(), p.useVolume(), p.partitionDescriptor(), p.logical(), p.unallocated(), newBlock(tagTerminator, 512)} {
			d.at(start+uint32(n), b.sealed(start+uint32(n), p.descriptorVersion()))
		}
	}
	p.put(d, integrity, integrity, p.integrityDescriptor())
	p.put(d, integrity+1, integrity+1, newBlock(tagTerminator, 512))
	for _, sector := range []uint32{anchor, p.last()} {
		p.put(d, sector, sector, anchorDescriptor())
	}
	p.put(d, partition+fileSetBlock, fileSetBlock, p.fileSet())
	p.put(d, partition+fileSetBlock+1, fileSetBlock+1, newBlock(tagTerminator, 512))
	p.put(d, partition+rootEntryBlock, rootEntryBlock, p.entry(icbDirectory, 0, len(p.rootDir), rootDataBlock))
	d.at(partition+rootDataBlock, p.rootDir)
	for n, f := range p.files {
		p.put(d, partition+f.entry, f.entry, p.entry(icbFile, fileID(n), len(f.Data), f.sector-partition))
	}
}

// put seals a descriptor for the address it carries and places it.
func (p *plan) put(d *disc, sector, location uint32, b *block) {
	d.at(sector, b.sealed(location, p.descriptorVersion()))
}

// recognise writes the sequence that says there is a UDF here; ISO 9660's descriptors come before it.
func (p *plan) recognise(d *disc) {
	first := uint32(recognition)
	if p.Format.iso() {
		first += isoDescriptors
	}
	for n, id := range []string{"BEA01", p.standard(), "TEA01"} {
		d.at(first+uint32(n), append([]byte{0}, id+"\x01"...))
	}
}

// standard is the edition of ECMA-167: revisions from 2.00 on rest on the third.
func (p *plan) standard() string {
	if p.Format.revision() >= 0x200 {
		return "NSR03"
	}
	return "NSR02"
}

func (p *plan) descriptorVersion() uint16 {
	if p.Format.revision() >= 0x200 {
		return 3
	}
	return 2
}

func (p *plan) primary() *block {
	b := newBlock(tagPrimary, 512)
	b.u32(16, 0)
	b.name(24, 32, volumeName)
	b.u16(56, 1)
	b.u16(58, 1)
	b.u16(60, 2)
	b.u16(62, 2)
	b.u32(64, 1)
	b.u32(68, 1)
	sum := sha256.Sum256([]byte(p.Label))
	b.name(72, 128, fmt.Sprintf("%x", sum[:8])+" "+p.Label)
	b.charset(200)
	b.charset(264)
	b.time(376, p.when())
	b.id(388, implementation, implementationSuffix)
	return b
}

func (p *plan) useVolume() *block {
	b := newBlock(tagUse, 512)
	b.u32(16, 1)
	b.id(20, "*UDF LV Info", p.revisionSuffix(0))
	b.charset(52)
	b.name(116, 128, p.Label)
	b.id(352, implementation, implementationSuffix)
	return b
}

func (p *plan) partitionDescriptor() *block {
	b := newBlock(tagPartition, 512)
	b.u32(16, 2)
	b.u16(20, 1) // space is allocated
	b.id(24, "+"+p.standard(), nil)
	b.u32(184, 1) // read only
	b.u32(188, partition)
	b.u32(192, p.last()-partition)
	b.id(196, implementation, implementationSuffix)
	return b
}

func (p *plan) logical() *block {
	b := newBlock(tagLogical, 446)
	b.u32(16, 3)
	b.charset(20)
	b.name(84, 128, p.Label)
	b.u32(212, sectorSize)
	b.id(216, domain, p.revisionSuffix(hardWriteProtect))
	b.longExtent(248, 2*sectorSize, fileSetBlock)
	b.u32(264, 6) // one partition map
	b.u32(268, 1)
	b.id(272, implementation, implementationSuffix)
	b.u32(432, 2*sectorSize)
	b.u32(436, integrity)
	b.data[440], b.data[441] = 1, 6
	b.u16(442, 1)
	return b
}

// unallocated lists the volume's free extents: none.
func (p *plan) unallocated() *block {
	b := newBlock(tagFree, 24)
	b.u32(16, 4)
	return b
}

func (p *plan) integrityDescriptor() *block {
	b := newBlock(tagIntegrity, 134)
	b.time(16, p.when())
	b.u32(28, 1) // closed
	b.u32(40, uint32(fileID(len(p.files))))
	b.u32(72, 1)
	b.u32(76, 46)
	b.u32(84, p.last()-partition)
	b.id(88, implementation, implementationSuffix)
	b.u32(120, uint32(len(p.files)))
	b.u32(124, 1)
	revision := p.Format.revision()
	b.u16(128, max(revision, 0x102))
	b.u16(130, max(revision, 0x102))
	b.u16(132, max(revision, 0x102))
	return b
}

func anchorDescriptor() *block {
	b := newBlock(tagAnchor, 512)
	b.u32(16, sequenceLength*sectorSize)
	b.u32(20, mainSequence)
	b.u32(24, sequenceLength*sectorSize)
	b.u32(28, reserveCopy)
	return b
}

func (p *plan) fileSet() *block {
	b := newBlock(tagFileSet, 512)
	b.time(16, p.when())
	b.u16(28, 3)
	b.u16(30, 3)
	b.u32(32, 1)
	b.u32(36, 1)
	b.charset(48)
	b.name(112, 128, p.Label)
	b.charset(240)
	b.name(304, 32, p.Label)
	b.longExtent(400, sectorSize, rootEntryBlock)
	b.id(416, domain, p.revisionSuffix(hardWriteProtect))
	return b
}

// entry is the file entry of a file or directory of size bytes whose one extent begins at block.
func (p *plan) entry(kind byte, unique, size int, start uint32) *block {
	extents := 0
	if size > 0 {
		extents = 8
	}
	b := newBlock(tagFileEntry, 176+extents)
	b.u16(20, 4) // strategy: one direct entry
	b.u16(24, 1)
	b.data[27] = kind
	b.u32(36, ^uint32(0)) // owner and group not given
	b.u32(40, ^uint32(0))
	b.u32(44, readAndExecute)
	b.u16(48, 1)
	b.u32(56, uint32(size))
	b.u32(64, sectorsOf(size))
	for _, at := range []int{72, 84, 96} {
		b.time(at, p.when())
	}
	b.u32(108, 1)
	b.id(128, implementation, implementationSuffix)
	b.u32(160, uint32(unique))
	b.u32(172, uint32(extents))
	if extents > 0 {
		b.u32(176, uint32(size))
		b.u32(180, start)
	}
	return b
}

// fileID is the unique id of the nth file; those below 16 are the standard's.
func fileID(n int) int { return 16 + n }

// directory is the root's content: an identifier for itself, as parent, and one per file.
func (p *plan) directory() []byte {
	out := p.fileIdentifier(0, parentFlag, "", rootEntryBlock, 0)
	for n, f := range p.files {
		out = append(out, p.fileIdentifier(len(out), 0, f.Name, f.entry, fileID(n))...)
	}
	return out
}

func (p *plan) fileIdentifier(offset int, flags byte, name string, entry uint32, unique int) []byte {
	var id []byte
	if name != "" {
		id = append([]byte{8}, name...) // 8 bits a character
	}
	b := newBlock(tagFileID, (38+len(id)+3)&^3)
	b.u16(16, 1)
	b.data[18] = flags
	b.data[19] = byte(len(id))
	b.longExtent(20, sectorSize, entry)
	b.u32(32, uint32(unique))
	copy(b.data[38:], id)
	return b.sealed(rootDataBlock+uint32(offset/sectorSize), p.descriptorVersion())
}

package ovfgen

import (
	"crypto/sha256"
	"fmt"
)

// The descriptors of the volume: who made it, where its partition is, what its file system is called.

// volumeName is what the kernel's mount message shows, as on Azure; the label is the logical volume's name.
const volumeName = "UDF Volume"

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

package ovfgen

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

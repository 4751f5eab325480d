package images

import (
	"bytes"
	"fmt"
	"io/fs"
)

// cpio is an archive in the format that kernels unpack ("newc"). Everything in it belongs to root.
type cpio struct {
	out   bytes.Buffer
	inode int
}

const (
	cpioDir     = 0o040000
	cpioFile    = 0o100000
	cpioLink    = 0o120000
	cpioCharDev = 0o020000
)

func (c *cpio) dir(name string) { c.add(name, cpioDir|0o755, nil, 0, 0) }
func (c *cpio) file(name string, mode fs.FileMode, data []byte) {
	c.add(name, cpioFile|int(mode.Perm()), data, 0, 0)
}
func (c *cpio) link(name, target string) { c.add(name, cpioLink|0o777, []byte(target), 0, 0) }

// console is the device that the first program gets as its standard streams.
func (c *cpio) console(name string) { c.add(name, cpioCharDev|0o600, nil, 5, 1) }

func (c *cpio) add(name string, mode int, data []byte, major, minor int) {
	c.inode++
	const owner, links, mtime, dev, check = 0, 1, 0, 0, 0
	fmt.Fprintf(&c.out, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		c.inode, mode, owner, owner, links, mtime, len(data), dev, dev, major, minor, len(name)+1, check)
	c.out.WriteString(name + "\x00")
	c.pad()
	c.out.Write(data)
	c.pad()
}

func (c *cpio) pad() {
	for c.out.Len()%4 != 0 {
		c.out.WriteByte(0)
	}
}

// end closes the archive and returns it.
func (c *cpio) end() []byte {
	c.add("TRAILER!!!", 0, nil, 0, 0)
	return c.out.Bytes()
}

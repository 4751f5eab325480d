package media

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// node is a file or a directory. It describes itself, as fs.FileInfo and fs.DirEntry.
type node struct {
	name     string
	dir      bool
	size     int64
	modified time.Time
	children []*node // of a directory, sorted by name
	data     data    // of a file
}

func (n *node) Name() string               { return n.name }
func (n *node) Size() int64                { return n.size }
func (n *node) ModTime() time.Time         { return n.modified }
func (n *node) IsDir() bool                { return n.dir }
func (n *node) Sys() any                   { return nil }
func (n *node) Type() fs.FileMode          { return n.Mode().Type() }
func (n *node) Info() (fs.FileInfo, error) { return n, nil }
func (n *node) String() string             { return fs.FormatFileInfo(n) }

// Mode is read and execute for all: media carry no rights that mean anything to a new machine.
func (n *node) Mode() fs.FileMode {
	if n.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

// adopt makes children n's, without those whose names no path can hold and those whose name is taken.
func (n *node) adopt(children []*node) {
	slices.SortStableFunc(children, func(a, b *node) int { return strings.Compare(a.name, b.name) })
	for _, c := range children {
		if c.name == "." || strings.Contains(c.name, "/") || !fs.ValidPath(c.name) {
			continue
		}
		if last := len(n.children) - 1; last >= 0 && n.children[last].name == c.name {
			continue
		}
		n.children = append(n.children, c)
	}
}

// tree is the filesystem.
type tree struct {
	r    io.ReaderAt
	root *node
}

func (t tree) find(op, name string) (*node, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	at := t.root
	if name == "." {
		return at, nil
	}
	for part := range strings.SplitSeq(name, "/") {
		i, found := slices.BinarySearchFunc(at.children, part, func(c *node, name string) int { return strings.Compare(c.name, name) })
		if !found {
			return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		at = at.children[i]
	}
	return at, nil
}

// Open opens a file or directory.
func (t tree) Open(name string) (fs.File, error) {
	n, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	if n.dir {
		return &directory{node: n, path: name}, nil
	}
	return &file{io.NewSectionReader(n.data.over(t.r), 0, n.size), n}, nil
}

// Stat describes a file or directory.
func (t tree) Stat(name string) (fs.FileInfo, error) { return t.find("stat", name) }

// ReadDir lists a directory.
func (t tree) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.dir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
	}
	return entries(n.children), nil
}

// ReadFile returns a whole file, unless the media claim that it is larger than anything that belongs on them.
func (t tree) ReadFile(name string) ([]byte, error) {
	n, err := t.find("read", name)
	if err == nil && n.dir {
		err = &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	if err == nil && n.size > MaxWhole {
		err = &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("%d bytes are too many to read at once", n.size)}
	}
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.NewSectionReader(n.data.over(t.r), 0, n.size))
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return content, nil
}

func entries(nodes []*node) []fs.DirEntry {
	list := make([]fs.DirEntry, len(nodes))
	for i, n := range nodes {
		list[i] = n
	}
	return list
}

// file is an open file; it seeks and reads at offsets too.
type file struct {
	*io.SectionReader
	node *node
}

func (f *file) Stat() (fs.FileInfo, error) { return f.node, nil }
func (f *file) Close() error               { return nil }

// directory is an open directory.
type directory struct {
	node *node
	path string
	next int
}

func (d *directory) Stat() (fs.FileInfo, error) { return d.node, nil }
func (d *directory) Close() error               { return nil }

func (d *directory) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: path.Clean(d.path), Err: fs.ErrInvalid}
}

// ReadDir is fs.ReadDirFile's.
func (d *directory) ReadDir(n int) ([]fs.DirEntry, error) {
	rest := d.node.children[d.next:]
	if n > 0 {
		if len(rest) == 0 {
			return nil, io.EOF
		}
		rest = rest[:min(n, len(rest))]
	}
	d.next += len(rest)
	return entries(rest), nil
}

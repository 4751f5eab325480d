package goal

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/waagent-go/waagent/ovfgen/specfile"
)

// Load reads a goal state from a YAML (or JSON) file of fsys, and from the same fsys the packages and raw documents it
// names, relative to that file.
func Load(fsys fs.FS, name string) (State, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return State{}, err
	}
	s, err := Parse(data, fsys, path.Dir(name))
	if err != nil {
		return State{}, specfile.In(name, err)
	}
	return s, nil
}

// Parse is Load for a text; paths in it are relative to dir in fsys.
func Parse(data []byte, fsys fs.FS, dir string) (State, error) {
	var s State
	if _, err := specfile.Decode(data, &s); err != nil {
		return State{}, err
	}
	for i := range s.Extensions {
		e := &s.Extensions[i]
		if err := readPackage(fsys, dir, e.Package, &e.Files, &e.Zip); err != nil {
			return State{}, fmt.Errorf("package of %s: %w", e.Name, err)
		}
	}
	for _, f := range s.Families {
		for i := range f.Packages {
			p := &f.Packages[i]
			if err := readPackage(fsys, dir, p.Package, &p.Files, &p.Zip); err != nil {
				return State{}, fmt.Errorf("package of family %s: %w", f.Name, err)
			}
		}
	}
	for doc, file := range s.RawFiles {
		text, err := fs.ReadFile(fsys, path.Join(dir, file))
		if err != nil {
			return State{}, err
		}
		if s.Raw == nil {
			s.Raw = map[string]string{}
		}
		s.Raw[doc] = string(text)
	}
	return s, s.Check()
}

// readPackage reads a folder into files, or a file, whatever it is, into archive.
func readPackage(fsys fs.FS, dir, name string, files *map[string][]byte, archive *[]byte) error {
	if name == "" {
		return nil
	}
	name = path.Join(dir, name)
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		*archive, err = fs.ReadFile(fsys, name)
		return err
	}
	*files = map[string][]byte{}
	return fs.WalkDir(fsys, name, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		(*files)[strings.TrimPrefix(p, name+"/")], err = fs.ReadFile(fsys, p)
		return err
	})
}

// Zip packs files, always into the same bytes.
func Zip(files map[string][]byte) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}
		h.SetMode(0o755)
		f, err := w.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(files[name]); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

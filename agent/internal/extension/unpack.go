package extension

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// maxEntries bounds the number of files of a package.
const maxEntries = 100_000

// errTooBig is a package whose files are more than the limit.
var errTooBig = errors.New("the package is too big")

// unpack extracts a zip into the folder dir (a path of this machine), at most limit bytes. Nothing ever leaves dir: the parts `..` of a
// name and a leading slash are dropped, a link becomes a plain file that holds its target, and links that lie in dir
// already are not followed. The modes in the archive say nothing, for packages come from Windows: every file may be
// executed by its owner. What is in dir and not in the archive stays.
func unpack(archive, dir string, limit int64) error {
	r, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer r.Close()
	if len(r.File) > maxEntries {
		return fmt.Errorf("%w: %d entries", errTooBig, len(r.File))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, entry := range r.File {
		n, err := extract(root, entry, limit)
		if err != nil {
			return fmt.Errorf("extract %q: %w", entry.Name, err)
		}
		limit -= n
	}
	return nil
}

// inside is the name of an entry below the folder, "" for one that names the folder itself.
func inside(name string) string {
	name, _, _ = strings.Cut(name, "\x00")
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		if part != "" && part != "." && part != ".." {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "/")
}

// extract writes one entry and returns its size.
func extract(root *os.Root, entry *zip.File, limit int64) (int64, error) {
	name := inside(entry.Name)
	if strings.HasSuffix(entry.Name, "/") {
		return 0, makeFolders(root, name)
	}
	if name == "" {
		return 0, nil
	}
	if err := makeFolders(root, path.Dir(name)); err != nil {
		return 0, err
	}
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) { // it may be running, or a link
		return 0, err
	}
	in, err := entry.Open()
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(out, io.LimitReader(in, limit+1))
	if n > limit {
		err = errTooBig
	}
	return n, errors.Join(err, out.Chmod(0o744), out.Close())
}

// makeFolders makes dir and its parents below root. A link on the way is replaced by a folder, even one that stays
// inside, so that no entry's place depends on another's content.
func makeFolders(root *os.Root, dir string) error {
	if dir == "" || dir == "." {
		return nil
	}
	made := ""
	for part := range strings.SplitSeq(dir, "/") {
		made = path.Join(made, part)
		info, err := root.Lstat(made)
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			err = errors.Join(root.Remove(made), fs.ErrNotExist)
		}
		switch {
		case err == nil:
		case errors.Is(err, fs.ErrNotExist):
			if err := root.Mkdir(made, 0o755); err != nil {
				return err
			}
		default:
			return err
		}
	}
	return nil
}

// makeExecutable lets the owner execute every file below dir: packages that were unpacked by an image builder, too.
func makeExecutable(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil || info.Mode()&0o100 != 0 {
			return err
		}
		return root.Chmod(name, info.Mode().Perm()|0o100)
	})
}

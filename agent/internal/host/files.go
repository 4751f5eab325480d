// Package host is the real machine: files below a root, programs, accounts, mounts. It alone calls os/exec, syscall,
// mount and chown; whatever decides what to do with a machine lives elsewhere and asks.
package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Files are the files of a machine whose root is Root: "/" in a guest, a folder in a test. Names are the guest's
// absolute paths, and links, absolute ones too, are resolved inside the root: distributions are full of them, and
// os.Root refuses them.
type Files struct{ Root string }

// maxLinks is the kernel's own limit on links in one path.
const maxLinks = 40

// Path is where name lies on the machine that runs this code. All links but a last component's are resolved.
func (f Files) Path(name string) (string, error) { return f.resolve(name, false) }

// Follow is Path with a link in the last component resolved too.
func (f Files) Follow(name string) (string, error) { return f.resolve(name, true) }

func (f Files) resolve(name string, last bool) (string, error) {
	if f.Root == "/" && !strings.Contains(name, "..") { // the kernel resolves
		path := filepath.Clean("/" + name)
		if !last {
			return path, nil
		}
		if _, err := os.Readlink(path); err != nil {
			return path, nil // no link
		}
	}
	todo := strings.Split(filepath.Clean("/"+name), "/")[1:]
	done, links := "/", 0
	for len(todo) > 0 {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			done = filepath.Dir(done)
			continue
		}
		next := filepath.Join(done, part)
		target, err := os.Readlink(filepath.Join(f.Root, next))
		if err != nil || (len(todo) == 0 && !last) {
			done = next // not a link, not there, or a last component that is wanted as it is
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%s: %w", name, syscall.ELOOP)
		}
		if filepath.IsAbs(target) {
			done = "/"
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return filepath.Join(f.Root, done), nil
}

// ReadFile returns the content of name.
func (f Files) ReadFile(name string) ([]byte, error) {
	path, err := f.Follow(name)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// Exists reports whether there is something at name, a dangling link included.
func (f Files) Exists(name string) bool {
	_, err := f.Lstat(name)
	return err == nil
}

// Lstat describes name without following a link in its last component.
func (f Files) Lstat(name string) (fs.FileInfo, error) {
	path, err := f.Path(name)
	if err != nil {
		return nil, err
	}
	return os.Lstat(path)
}

// Stat describes name, following links inside the root.
func (f Files) Stat(name string) (fs.FileInfo, error) {
	path, err := f.Follow(name)
	if err != nil {
		return nil, err
	}
	return os.Stat(path)
}

// ReadDir lists name, sorted.
func (f Files) ReadDir(name string) ([]fs.DirEntry, error) {
	path, err := f.Follow(name)
	if err != nil {
		return nil, err
	}
	return os.ReadDir(path)
}

// Glob lists what matches pattern, as guest paths.
func (f Files) Glob(pattern string) []string {
	dir, err := f.Follow(filepath.Dir(pattern))
	if err != nil {
		return nil
	}
	matches, err := filepath.Glob(filepath.Join(dir, filepath.Base(pattern)))
	if err != nil {
		return nil
	}
	for i, m := range matches {
		matches[i] = filepath.Join(filepath.Dir(pattern), filepath.Base(m))
	}
	return matches
}

// MkdirAll makes name and its parents; what exists keeps its mode.
func (f Files) MkdirAll(name string, mode fs.FileMode) error {
	path, err := f.Follow(name)
	if err != nil {
		return err
	}
	return os.MkdirAll(path, mode)
}

// Chmod sets the mode of name.
func (f Files) Chmod(name string, mode fs.FileMode) error {
	path, err := f.Follow(name)
	if err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// Remove deletes one file, link or empty folder; what is not there is no error.
func (f Files) Remove(name string) error {
	path, err := f.Path(name)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// RemoveAll deletes name and all below it.
func (f Files) RemoveAll(name string) error {
	path, err := f.Path(name)
	if err != nil {
		return err
	}
	return os.RemoveAll(path)
}

// Rename moves a file inside the root.
func (f Files) Rename(from, to string) error {
	old, err := f.Path(from)
	if err != nil {
		return err
	}
	path, err := f.Path(to)
	if err != nil {
		return err
	}
	return os.Rename(old, path)
}

// WriteAtomic replaces name with data: a reader, or a reboot, finds all of the old file or all of the new. A link at
// name is followed inside the root, as an editor would.
func (f Files) WriteAtomic(name string, data []byte, mode fs.FileMode) error {
	return f.replace(name, data, mode, true)
}

// WriteSoon is WriteAtomic for one of several files that Sync brings to disk together: a reader finds all of the old
// file or all of the new, whatever becomes of this process, but a machine that dies before Sync may leave it empty.
func (f Files) WriteSoon(name string, data []byte, mode fs.FileMode) error {
	return f.replace(name, data, mode, false)
}

func (f Files) replace(name string, data []byte, mode fs.FileMode, sync bool) error {
	path, err := f.Follow(name)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	renamed := false
	defer func() {
		if !renamed {
			_ = os.Remove(tmp.Name()) // the first error counts
		}
	}()
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Chmod(mode))
	if sync {
		err = errors.Join(err, tmp.Sync())
	}
	if err := errors.Join(err, tmp.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	err = os.Rename(tmp.Name(), path)
	renamed = err == nil
	if isBusy(err) { // something is mounted there, as on /etc/hostname in a container: it can only be overwritten
		return os.WriteFile(path, data, mode)
	}
	if err != nil || !sync {
		return err
	}
	return syncPath(filepath.Dir(path))
}

// Rewrite replaces the content of name and keeps its mode and owner; a file that is not there is made with mode.
func (f Files) Rewrite(name string, data []byte, mode fs.FileMode) error {
	path, err := f.Follow(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f.WriteAtomic(name, data, mode)
	}
	if err != nil {
		return err
	}
	if err := f.WriteAtomic(name, data, info.Mode().Perm()); err != nil {
		return err
	}
	return keepOwner(path, info)
}

package extension

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// unsure are the files and folders that were written and may not be on disk yet. A wait for the disk after each write
// would cost more than all else that the agent does for a handler: what moves write is brought to disk in one go,
// before their journals and records, from which all of it can be told again, are deleted.
type unsure []string

// put replaces a file that sync will bring to disk. One that has this content already only becomes the newest.
func (e *Engine) put(name string, data []byte, mode fs.FileMode) error {
	f := e.o.Files
	if old, err := f.ReadFile(name); err == nil && bytes.Equal(old, data) {
		real, err := f.Follow(name)
		if err != nil {
			return err
		}
		return os.Chtimes(real, time.Time{}, time.Now())
	}
	if err := f.WriteSoon(name, data, mode); err != nil {
		return err
	}
	e.mayBeLost(name, path.Dir(name))
	return nil
}

func (e *Engine) mayBeLost(names ...string) {
	for _, name := range names {
		if !slices.Contains(e.unsure, name) {
			e.unsure = append(e.unsure, name)
		}
	}
}

// sync returns once everything that was put is on disk.
func (e *Engine) sync() error {
	return errors.Join(slices.Collect(maps.Values(e.syncEach()))...)
}

// syncEach is sync that says which files did not get there, and why.
func (e *Engine) syncEach() map[string]error {
	names := e.unsure
	e.unsure = nil
	return e.o.Files.Sync(names...)
}

// syncFolder returns once a folder is on disk with all that is below it.
func (e *Engine) syncFolder(dir string) error {
	e.unsure = slices.DeleteFunc(e.unsure, func(name string) bool { return strings.HasPrefix(name+"/", dir+"/") })
	return e.o.Files.SyncTree(dir)
}

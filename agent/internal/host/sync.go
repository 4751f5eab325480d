package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// syncers is how many files are brought to disk at once: a filesystem with a journal commits all of them in one go.
const syncers = 16

// Sync returns once the files and folders of these names are on disk. What is not there any more is no error.
func (f Files) Sync(names ...string) error {
	paths := make([]string, len(names))
	for i, name := range names {
		path, err := f.Follow(name)
		if err != nil {
			return err
		}
		paths[i] = path
	}
	return syncPaths(paths)
}

// SyncTree returns once a folder and everything below it is on disk.
func (f Files) SyncTree(name string) error {
	top, err := f.Follow(name)
	if err != nil {
		return err
	}
	var paths []string
	err = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err == nil && (d.IsDir() || d.Type().IsRegular()) {
			paths = append(paths, path)
		}
		return err
	})
	return errors.Join(err, syncPaths(append(paths, filepath.Dir(top))))
}

func syncPaths(paths []string) error {
	var group sync.WaitGroup
	todo, failed := make(chan string), make([]error, min(syncers, len(paths)))
	for i := range failed {
		group.Go(func() {
			for path := range todo {
				failed[i] = errors.Join(failed[i], syncPath(path))
			}
		})
	}
	for _, path := range paths {
		todo <- path
	}
	close(todo)
	group.Wait()
	return errors.Join(failed...)
}

func syncPath(path string) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

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

// Sync returns once the files and folders of these names are on disk, and the errors of those that are not, by name.
// What is not there any more is no error.
func (f Files) Sync(names ...string) map[string]error {
	failed := map[string]error{}
	var paths, whose []string
	for _, name := range names {
		path, err := f.Follow(name)
		if err != nil {
			failed[name] = err
			continue
		}
		paths, whose = append(paths, path), append(whose, name)
	}
	for i, err := range syncPaths(paths) {
		if err != nil {
			failed[whose[i]] = err
		}
	}
	return failed
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
	return errors.Join(err, errors.Join(syncPaths(append(paths, filepath.Dir(top)))...))
}

// syncPaths returns an error, or nil, for each path.
func syncPaths(paths []string) []error {
	var group sync.WaitGroup
	todo, failed := make(chan int), make([]error, len(paths))
	for range min(syncers, len(paths)) {
		group.Go(func() {
			for i := range todo {
				failed[i] = syncPath(paths[i])
			}
		})
	}
	for i := range paths {
		todo <- i
	}
	close(todo)
	group.Wait()
	return failed
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

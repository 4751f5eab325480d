package extension

import (
	"errors"
	"io/fs"
	"os"
	"path"
)

// copyWithTime copies a file, keeping its mode and its times; one that is not there is no error.
func (e *Engine) copyWithTime(from, to string) error {
	f := e.o.Files
	data, err := f.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := f.Stat(from)
	if err != nil {
		return err
	}
	if err := f.WriteSoon(to, data, info.Mode().Perm()); err != nil {
		return err
	}
	e.mayBeLost(to, path.Dir(to))
	real, err := f.Path(to)
	if err != nil {
		return err
	}
	return os.Chtimes(real, info.ModTime(), info.ModTime())
}

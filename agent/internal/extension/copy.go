package extension

import (
	"errors"
	"io/fs"
	"os"

	"github.com/waagent-go/waagent/agent/internal/host"
)

// copyWithTime copies a file, keeping its mode and its times; one that is not there is no error.
func copyWithTime(f host.Files, from, to string) error {
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
	if err := f.WriteAtomic(to, data, info.Mode().Perm()); err != nil {
		return err
	}
	path, err := f.Path(to)
	if err != nil {
		return err
	}
	return os.Chtimes(path, info.ModTime(), info.ModTime())
}

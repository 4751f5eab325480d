package guesthelper

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// lookPath finds a program along path, which is not this process's own PATH.
func lookPath(program, path string) (string, error) {
	if strings.ContainsRune(program, '/') {
		return program, nil
	}
	for dir := range strings.SplitSeq(path, ":") {
		file := filepath.Join(dir, program)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", &fs.PathError{Op: "exec", Path: program, Err: fs.ErrNotExist}
}

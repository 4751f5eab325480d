//go:build unix

// Package reap keeps what a run creates from outliving it. A run's folders are claimed by a lock that the kernel drops
// with the process, however it ends; the next run finds folders that nobody claims, ends the program that was started
// for each, and removes them.
package reap

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// PidFile is where the owner of a folder writes the number of the program it started for it. The folder's path must be
// among that program's arguments: a number alone may long be another program's.
const PidFile = "pid"

const lockFile = "owner"

// Folder is a folder claimed by this process.
type Folder struct {
	Dir  string
	lock *os.File
}

// Claim makes a new folder in parent whose name begins with prefix.
func Claim(parent, prefix string) (*Folder, error) {
	// It gets the name that others look for when it is locked.
	dir, err := os.MkdirTemp(parent, "."+prefix)
	if err != nil {
		return nil, fmt.Errorf("claim a folder: %w", err)
	}
	f := &Folder{Dir: filepath.Join(parent, strings.TrimPrefix(filepath.Base(dir), "."))}
	if f.lock, err = lock(filepath.Join(dir, lockFile), os.O_CREATE); err == nil {
		err = os.Rename(dir, f.Dir)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("claim a folder: %w", err), os.RemoveAll(dir))
	}
	return f, nil
}

// Release removes the folder.
func (f *Folder) Release() error { return errors.Join(os.RemoveAll(f.Dir), f.lock.Close()) }

func lock(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|flag, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Dead removes the folders in parent that begin with prefix and whose owner is no more, and ends their programs.
// Folders of other users are left to them.
func Dead(parent, prefix string, log *slog.Logger) error {
	dirs, err := filepath.Glob(filepath.Join(parent, prefix+"*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range dirs {
		l, err := lock(filepath.Join(dir, lockFile), 0)
		switch {
		case errors.Is(err, syscall.EWOULDBLOCK), errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
			continue // claimed, somebody else's, or just being removed
		case err != nil:
			errs = append(errs, fmt.Errorf("look whose %s is: %w", dir, err))
			continue
		}
		log.Info("removing what a dead run left", "dir", dir)
		end(dir)
		errs = append(errs, os.RemoveAll(dir), l.Close())
	}
	return errors.Join(errs...)
}

// end kills the program of a folder, if it is still the one that was started for it.
func end(dir string) {
	data, err := os.ReadFile(filepath.Join(dir, PidFile))
	if err != nil {
		return
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || pid < 2 {
		return
	}
	if args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && bytes.Contains(args, []byte(dir)) {
		syscall.Kill(pid, syscall.SIGKILL) //nolint:errcheck // it may just have ended
	}
}

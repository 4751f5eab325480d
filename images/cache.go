package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// CacheDir is where images and other things worth keeping between runs live: $WAAGENT_CACHE, or the system's cache
// folder for root and the user's own for others.
func CacheDir() string {
	if dir := os.Getenv("WAAGENT_CACHE"); dir != "" {
		return dir
	}
	if os.Geteuid() == 0 {
		return "/var/cache/waagent-go"
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "waagent-go")
}

// Lock takes the named lock file for this process and returns what releases it. A holder that dies releases it too.
// When somebody else holds it, waiting is called once and Lock blocks until it is free or ctx is done.
func Lock(ctx context.Context, path string, waiting func()) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		waiting()
		err = flock(ctx, f)
	}
	if err != nil {
		if ctx.Err() == nil {
			f.Close()
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f.Close, nil
}

// flock waits for the lock. The system call cannot be interrupted, so a cancelled wait leaves it to a goroutine, which
// gives the lock up as soon as it gets it.
func flock(ctx context.Context, f *os.File) error {
	got := make(chan error, 1)
	go func() { got <- syscall.Flock(int(f.Fd()), syscall.LOCK_EX) }()
	select {
	case err := <-got:
		return err
	case <-ctx.Done():
		go func() {
			<-got
			f.Close()
		}()
		return ctx.Err()
	}
}

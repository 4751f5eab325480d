package images

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"gotest.tools/v3/assert"
)

func TestALockIsHeldByOneAtATime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	never := func() { t.Error("nobody else holds the lock") }
	unlock, err := Lock(t.Context(), path, never)
	assert.NilError(t, err)

	waited := 0
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = Lock(ctx, path, func() { waited++ })
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, waited, 1)

	got := make(chan error)
	go func() {
		release, err := Lock(t.Context(), path, func() {})
		if err == nil {
			err = release()
		}
		got <- err
	}()
	assert.NilError(t, unlock())
	assert.NilError(t, <-got)
}

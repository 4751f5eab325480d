package pipe

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"
)

func TestWritersDoNotWaitForReaders(t *testing.T) {
	t.Parallel()
	a, b := New()
	_, err := io.WriteString(a, "hello")
	assert.NilError(t, err)
	_, err = io.WriteString(b, "you")
	assert.NilError(t, err)
	assert.NilError(t, a.Close())
	got, err := io.ReadAll(b)
	assert.NilError(t, err)
	assert.Equal(t, string(got), "hello")
	_, err = io.WriteString(b, "too late")
	assert.ErrorIs(t, err, io.ErrClosedPipe)
}

func TestALargeMessageWaitsForRoom(t *testing.T) {
	t.Parallel()
	a, b := New()
	text := strings.Repeat("0123456789", room/5)
	go func() {
		io.WriteString(a, text) //nolint:errcheck // the reader below would notice
		a.Close()
	}()
	got, err := io.ReadAll(b)
	assert.NilError(t, err)
	assert.Equal(t, string(got), text)
}

func TestDeadlinesPassUnderAFakeClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := New()
		defer b.Close()
		assert.NilError(t, a.SetReadDeadline(time.Now().Add(time.Hour)))
		_, err := a.Read(make([]byte, 1))
		assert.Assert(t, errors.Is(err, os.ErrDeadlineExceeded))
		go func() {
			time.Sleep(time.Minute)
			a.SetReadDeadline(time.Now()) //nolint:errcheck // never fails
		}()
		assert.NilError(t, a.SetReadDeadline(time.Time{}))
		_, err = a.Read(make([]byte, 1))
		assert.Assert(t, errors.Is(err, os.ErrDeadlineExceeded))
	})
}

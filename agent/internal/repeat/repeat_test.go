package repeat_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/repeat"
)

func TestTheSameComplaintIsMadeOnceAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Minute)
		defer cancel()
		var out bytes.Buffer
		turns := 0
		repeat.Every(ctx, 30*time.Second, nil, slog.New(slog.NewTextHandler(&out, nil)), "Cannot look", func(context.Context) error {
			turns++
			return errors.New("no door")
		})
		assert.Assert(t, turns >= 180 && turns <= 181, "%d turns", turns)
		assert.Equal(t, strings.Count(out.String(), "Cannot look"), 2)
	})
}

func TestATurnComesEarlyWhenSomethingHappened(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		wake := make(chan struct{}, 1)
		turns := 0
		repeat.Every(ctx, time.Hour, wake, slog.New(slog.DiscardHandler), "", func(context.Context) error {
			if turns++; turns == 1 {
				wake <- struct{}{}
			}
			return nil
		})
		assert.Equal(t, turns, 2)
	})
}

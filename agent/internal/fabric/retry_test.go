package fabric_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/fabric"
	. "github.com/waagent-go/waagent/agent/internal/fabric/fabrictest"
)

const where = "10.0.0.1:80"

func get(h http.Handler, retry fabric.Retry) (fabric.Response, error) {
	c := &fabric.HTTP{Dial: Net{where: h}.Dial, Version: "3.0.0.0"}
	return c.Do(context.Background(), fabric.Request{Method: "GET", URL: "http://" + where + "/x?sig=SECRET"}, retry)
}

func TestRetriesFollowTheTable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		answers  []http.HandlerFunc
		retry    fabric.Retry
		attempts int
		took     time.Duration
		want     string // in the error; "" for success
	}{
		{"success at once", []http.HandlerFunc{Say("ok")}, fabric.Retry{}, 1, 0, ""},
		{"500 for ever", []http.HandlerFunc{Code(500, "")}, fabric.Retry{}, 6, 31 * time.Second, "gave up after 6 attempts"},
		{"502 once", []http.HandlerFunc{Code(502, ""), Say("ok")}, fabric.Retry{}, 2, 2 * time.Second, ""},
		{"429 for ever", []http.HandlerFunc{Code(429, "")}, fabric.Retry{}, 25, 24 * time.Second, "HTTP 429"},
		{"403 counts as throttling", []http.HandlerFunc{Code(403, "")}, fabric.Retry{}, 25, 24 * time.Second, "HTTP 403"},
		{"throttled after failures", []http.HandlerFunc{Code(500, ""), Code(503, "")}, fabric.Retry{}, 25, 25 * time.Second, "HTTP 503"},
		{"throttled though tried once", []http.HandlerFunc{Code(503, "")}, fabric.Once(), 25, 24 * time.Second, "HTTP 503"},
		{"raw is raw", []http.HandlerFunc{Code(503, "")}, fabric.Raw(), 1, 0, "HTTP 503"},
		{"404 is final", []http.HandlerFunc{Code(404, "nothing")}, fabric.Retry{}, 1, 0, "HTTP 404 Not Found: nothing"},
		{"204 is a failure", []http.HandlerFunc{Code(204, "")}, fabric.Retry{}, 1, 0, "HTTP 204"},
		{"redirects are not followed", []http.HandlerFunc{Code(302, "")}, fabric.Retry{}, 1, 0, "HTTP 302"},
		{"connection broken off", []http.HandlerFunc{Abort, Say("ok")}, fabric.Retry{}, 2, 2 * time.Second, ""},
		{"400 when asked for", []http.HandlerFunc{Code(400, "")}, fabric.Retry{On: []int{400}}, 6, 31 * time.Second, "HTTP 400"},
		{"telemetry", []http.HandlerFunc{Code(429, "")}, fabric.Retry{Attempts: 3, ThrottleAttempts: 3, ThrottleWait: 8 * time.Second}, 3, 16 * time.Second, "HTTP 429"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := new(Script).On("GET /x?sig=SECRET", c.answers...)
				start := time.Now()
				_, err := get(s, c.retry)
				if c.want == "" {
					assert.NilError(t, err)
				} else {
					assert.ErrorContains(t, err, c.want)
					assert.Assert(t, !strings.Contains(err.Error(), "SECRET"), err.Error())
				}
				assert.Equal(t, len(s.Seen), c.attempts)
				assert.Equal(t, time.Since(start), c.took)
			})
		})
	}
}

func TestAnHourWithoutTheFabricIsSpentWithBoundedPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		attempts := 0
		c := &fabric.HTTP{Dial: Net{}.Dial}
		_, err := c.Do(ctx, fabric.Request{Method: "GET", URL: "http://10.0.0.9/"}, fabric.Retry{
			Attempts: fabric.Forever, Max: 6 * time.Second,
			Failed: func(error, int, time.Duration) { attempts++ },
		})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "connection refused")
		assert.Assert(t, attempts > 590 && attempts < 610, "%d", attempts)
	})
}

func TestASilentServerTimesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &fabric.HTTP{Dial: Silent}
		start := time.Now()
		_, err := c.Do(t.Context(), fabric.Request{Method: "GET", URL: "http://10.0.0.9/"}, fabric.Raw())
		assert.ErrorContains(t, err, "timeout")
		assert.Equal(t, time.Since(start), fabric.OpTimeout)
		_, err = c.Do(t.Context(), fabric.Request{Method: "GET", URL: "http://10.0.0.9/"}, fabric.Retry{StopOnTimeout: true})
		assert.ErrorContains(t, err, "timeout")
		assert.Equal(t, time.Since(start), 2*fabric.OpTimeout)
	})
}

func TestCancellingEndsARequestAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		start := time.Now()
		c := &fabric.HTTP{Dial: Silent}
		_, err := c.Do(ctx, fabric.Request{Method: "GET", URL: "http://10.0.0.9/"}, fabric.Retry{})
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, time.Since(start), 3*time.Second)
	})
}

func TestErrorClasses(t *testing.T) {
	t.Parallel()
	_, gone := get(Code(410, ""), fabric.Retry{})
	assert.ErrorIs(t, gone, fabric.ErrResourceGone)
	assert.Assert(t, fabric.Stale(gone))
	_, container := get(Code(400, `{"errorCode":"InvalidContainerConfiguration"}`), fabric.Retry{})
	assert.ErrorIs(t, container, fabric.ErrInvalidContainer)
	_, other := get(Code(400, "no"), fabric.Retry{})
	assert.Assert(t, !fabric.Stale(other))
	assert.Equal(t, fabric.Code(other), 400)
	assert.Equal(t, fabric.Code(io.EOF), 0)
	var status *fabric.StatusError
	assert.Assert(t, errors.As(other, &status))
	assert.Equal(t, status.URL, "http://10.0.0.1:80/x?<redacted>")
}

func TestAnAnswerBeyondItsLimitIsRefused(t *testing.T) {
	t.Parallel()
	c := &fabric.HTTP{Dial: Net{where: Say(strings.Repeat("x", 11))}.Dial}
	r := fabric.Request{Method: "GET", URL: "http://" + where, Limit: 10}
	_, err := c.Do(t.Context(), r, fabric.Retry{})
	assert.ErrorContains(t, err, "too large")
	r.Limit = 11
	answer, err := c.Do(t.Context(), r, fabric.Retry{})
	assert.NilError(t, err)
	assert.Equal(t, len(answer.Body), 11)
}

// Every status code a server may answer: which end a request, which are tried again, and which of those patiently.
func TestStatusCodesAreTriedAgainByTheTable(t *testing.T) {
	t.Parallel()
	again := map[int]int{ // attempts
		205: 6, 206: 6, 500: 6, 501: 6, 502: 6, 504: 6, 507: 6,
		403: 25, 429: 25, 503: 25,
	}
	synctest.Test(t, func(t *testing.T) {
		for code := 203; code < 600; code++ {
			if http.StatusText(code) == "" || code == http.StatusNotModified {
				continue
			}
			s := new(Script).On("GET /x?sig=SECRET", Code(code, ""))
			_, err := get(s, fabric.Retry{})
			assert.ErrorContains(t, err, fmt.Sprintf("HTTP %d", code))
			assert.Equal(t, len(s.Seen), max(again[code], 1), "HTTP %d", code)
		}
		for _, code := range []int{200, 201, 202} {
			s := new(Script).On("GET /x?sig=SECRET", Code(code, ""))
			_, err := get(s, fabric.Retry{})
			assert.NilError(t, err, "HTTP %d", code)
		}
	})
}

package fault

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/fabricsim/journal"
)

const text = "the whole document, from end to end"

func TestStepsHappenInTheirOrderAndThenAllIsWell(t *testing.T) {
	t.Parallel()
	p, c, j := start(t)
	assert.NilError(t, p.Add(
		Step{Route: "doc", Status: 500, Count: 2},
		Step{Route: "doc", Status: 410, Code: "Gone", Method: "GET"},
		Step{Route: "other", Status: 404},
	))
	for _, want := range []int{500, 500, 410, 200} {
		status, body, err := c()
		assert.NilError(t, err)
		assert.Equal(t, status, want)
		if status == 410 {
			assert.Equal(t, body, "410 Gone")
		}
	}
	unused := 0
	for _, s := range p.List() {
		if s.Unused() {
			unused++
			assert.Equal(t, s.Step.Route, "other")
		}
	}
	assert.Equal(t, unused, 1)
	e := j.From(1, 1)[0]
	assert.Equal(t, e.Fault, "doc status 500")
	assert.Assert(t, !e.ClientError)
}

func TestABodyCanBeSpoiltInManyWays(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		step Step
		want string
		fail bool
	}{
		"half of it":         {Step{Truncate: "half"}, text[:len(text)/2], true},
		"ten bytes":          {Step{Truncate: "10"}, text[:10], true},
		"reset":              {Step{Reset: true}, "", true},
		"refused":            {Step{Refuse: true}, "", true},
		"a length too big":   {Step{WrongLength: 7}, text, true},
		"a length too small": {Step{WrongLength: -7}, text[:len(text)-7], false},
		"another body":       {Step{Body: "nonsense"}, "nonsense", false},
		"dripping":           {Step{Drip: Duration(time.Millisecond)}, text, false},
		"late":               {Step{Delay: Duration(time.Millisecond)}, text, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, c, j := start(t)
			assert.NilError(t, p.Add(tc.step))
			_, body, err := c()
			assert.Equal(t, err != nil, tc.fail, "%v", err)
			if tc.want != "" {
				assert.Equal(t, body, tc.want)
			}
			assert.Assert(t, j.Wait(t.Context(), 1, 0)[0].Fault != "")
			status, body, err := c()
			assert.NilError(t, err)
			assert.Equal(t, status, 200)
			assert.Equal(t, body, text)
		})
	}
}

func TestGarbageHasTheRightLength(t *testing.T) {
	t.Parallel()
	p, c, _ := start(t)
	assert.NilError(t, p.Add(Step{Garbage: true}))
	_, body, err := c()
	assert.NilError(t, err)
	assert.Equal(t, len(body), len(text))
	assert.Assert(t, body != text)
}

func TestASeedRepeatsItsStorm(t *testing.T) {
	t.Parallel()
	storm := func() string {
		var p Playbook
		assert.NilError(t, p.Add(Step{Chance: 0.3, Seed: 7, Status: 503}))
		var b strings.Builder
		for range 50 {
			b.WriteByte("01"[map[bool]int{true: 1}[p.Take("x", "", "GET") != nil]])
		}
		return b.String()
	}
	first := storm()
	assert.Equal(t, first, storm())
	assert.Assert(t, strings.Contains(first, "1") && strings.Contains(first, "0"), first)
}

func TestSenselessStepsAreRefused(t *testing.T) {
	t.Parallel()
	for _, s := range []Step{{}, {Route: "["}, {Truncate: "most"}, {Chance: 2, Status: 500}, {Certificate: "blue"}} {
		var p Playbook
		assert.Assert(t, p.Add(s) != nil, "%+v", s)
	}
}

func start(t *testing.T) (*Playbook, func() (int, string, error), *journal.Journal) {
	t.Helper()
	j, err := journal.New(0, "")
	assert.NilError(t, err)
	p := &Playbook{}
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) })
	errorBody := func(status int, code string) (string, []byte) {
		return "text/plain", []byte(strings.TrimSpace(http.StatusText(status)[:0] + "410 " + code))
	}
	server := httptest.NewServer(j.Record("test", func(*http.Request) string { return "" },
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.Serve(w, r, "doc", "", errorBody, answer) })))
	t.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return p, func() (int, string, error) {
		resp, err := client.Get(server.URL)
		if err != nil {
			return 0, "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body), err
	}, j
}

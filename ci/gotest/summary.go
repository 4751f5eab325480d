package main

import (
	"fmt"
	"io"
	"strings"
)

// summary turns events into lines.
type summary struct {
	out     io.Writer
	said    map[string][]string        // by package and test: what it wrote
	parents map[string]map[string]bool // by package: tests that have subtests
	counts  struct{ passed, failed, skipped int }
}

func newSummary(out io.Writer) *summary {
	return &summary{out: out, said: map[string][]string{}, parents: map[string]map[string]bool{}}
}

func (s *summary) take(e event) {
	key := e.Package + e.ImportPath + " " + e.Test
	switch e.Action {
	case "run":
		s.adopt(e)
	case "output", "build-output":
		s.said[key] = append(s.said[key], e.Output)
		if e.Test == "" && closes(e.Output) {
			fmt.Fprint(s.out, e.Output)
		}
	case "build-fail":
		s.tell(key)
	case "pass", "fail", "skip":
		if e.Test == "" {
			s.packageEnded(e, key)
		} else {
			s.testEnded(e, key)
		}
		delete(s.said, key)
	}
}

// adopt notes that the tests above e hold no checks of their own, so that only the leaves are counted.
func (s *summary) adopt(e event) {
	if s.parents[e.Package] == nil {
		s.parents[e.Package] = map[string]bool{}
	}
	for i, c := range e.Test { // a subtest's own name may hold slashes
		if c == '/' {
			s.parents[e.Package][e.Test[:i]] = true
		}
	}
}

func (s *summary) testEnded(e event, key string) {
	leaf := !s.parents[e.Package][e.Test]
	name := short(e.Package) + " " + e.Test
	switch {
	case e.Action == "fail":
		fmt.Fprintf(s.out, "FAIL  %s (%.1fs)\n", name, e.Elapsed)
		s.tell(key)
		if leaf {
			s.counts.failed++
		}
	case !leaf:
	case e.Action == "skip":
		s.counts.skipped++
		fmt.Fprintf(s.out, "SKIP  %s: %s\n", name, reason(s.said[key]))
	default:
		s.counts.passed++
		if scenario, ok := strings.CutPrefix(e.Test, "TestScenarios/"); ok {
			fmt.Fprintf(s.out, "PASS  %s (%.1fs)\n", scenario, e.Elapsed)
		}
	}
}

// packageEnded shows what a failing package wrote outside its tests: a panic, a data race, a lost child.
func (s *summary) packageEnded(e event, key string) {
	if e.Action == "fail" {
		s.tell(key)
	}
}

func (s *summary) tell(key string) {
	for _, line := range s.said[key] {
		if !noise(line) && !closes(line) {
			fmt.Fprint(s.out, "      "+line)
		}
	}
	delete(s.said, key)
}

func (s *summary) close() {
	fmt.Fprintf(s.out, "%d passed, %d failed, %d skipped\n", s.counts.passed, s.counts.failed, s.counts.skipped)
}

// closes reports whether a line is go test's verdict on a package.
func closes(line string) bool {
	return strings.HasPrefix(line, "ok  \t") || strings.HasPrefix(line, "FAIL\t")
}

func noise(line string) bool {
	for _, prefix := range []string{"=== RUN", "=== PAUSE", "=== CONT", "=== NAME", "PASS\n", "FAIL\n", "coverage:"} {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return false
}

// reason is the last thing a skipped test said, without the file and line before it.
func reason(said []string) string {
	last := "no reason given"
	for _, line := range said {
		text := strings.TrimSpace(line)
		if noise(line) || strings.HasPrefix(text, "--- SKIP") || text == "" {
			continue
		}
		if place, rest, ok := strings.Cut(text, ": "); ok && strings.Contains(place, ".go:") {
			text = rest
		}
		last = strings.TrimPrefix(text, "SKIP ")
	}
	return last
}

func short(pkg string) string { return strings.TrimPrefix(pkg, "github.com/waagent-go/waagent/") }

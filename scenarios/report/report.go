// Package report writes what a run of scenarios came to: JUnit XML for machines, and one self-contained HTML page with a
// timeline per guest for people.
package report

import (
	"cmp"
	"embed"
	"encoding/xml"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"
)

// Outcome is how one script on one pair ended.
type Outcome string

// The outcomes. A pair that was not started because time ran out is Remaining, never a pass.
const (
	Passed    Outcome = "passed"
	Failed    Outcome = "failed"
	Skipped   Outcome = "skipped"
	Remaining Outcome = "remaining"
)

// Result is one script on one pair.
type Result struct {
	Script  string // <area>/<name>
	Promise string
	Pair    string // driver-image
	Outcome Outcome
	Took    time.Duration
	Verdict string // what was wrong although every line of the script came true
	Detail  string // why it was skipped, or the script's log up to where it failed
	Kept    string // folder with console, logs and journal of a failure
	Moments []Moment
}

// Reason is what a failure comes down to in one line or few: the verdict, or else the line that ended the script.
func (r Result) Reason() string {
	if r.Verdict != "" {
		return r.Verdict
	}
	reason := ""
	for line := range strings.Lines(r.Detail) {
		if strings.HasPrefix(line, "FAIL: ") {
			reason = strings.TrimSpace(line)
		}
	}
	return reason
}

// Moment is one line of a guest's timeline.
type Moment struct {
	At   time.Duration
	What string
}

// Run is everything a report is about.
type Run struct {
	Started time.Time
	Took    time.Duration
	Results []Result
}

// Count is how many results ended as o.
func (r Run) Count(o Outcome) int {
	n := 0
	for _, res := range r.Results {
		if res.Outcome == o {
			n++
		}
	}
	return n
}

// Summary is the closing line.
func (r Run) Summary() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped, %d not started, in %s", r.Count(Passed), r.Count(Failed),
		r.Count(Skipped), r.Count(Remaining), r.Took.Round(time.Second))
}

type suites struct {
	XMLName xml.Name `xml:"testsuites"`
	Suite   suite    `xml:"testsuite"`
}

type suite struct {
	Name     string  `xml:"name,attr"`
	Tests    int     `xml:"tests,attr"`
	Failures int     `xml:"failures,attr"`
	Skipped  int     `xml:"skipped,attr"`
	Time     float64 `xml:"time,attr"`
	Cases    []kase  `xml:"testcase"`
}

type kase struct {
	Class   string  `xml:"classname,attr"`
	Name    string  `xml:"name,attr"`
	Time    float64 `xml:"time,attr"`
	Failure *text   `xml:"failure"`
	Skipped *text   `xml:"skipped"`
}

type text struct {
	Message string `xml:"message,attr"`
	Body    string `xml:",chardata"`
}

// JUnit writes r for a CI system.
func JUnit(w io.Writer, r Run) error {
	s := suite{
		Name: "scenarios", Tests: len(r.Results), Failures: r.Count(Failed), Skipped: r.Count(Skipped) + r.Count(Remaining),
		Time: r.Took.Seconds(),
	}
	for _, res := range r.Results {
		k := kase{Class: res.Pair, Name: res.Script, Time: res.Took.Seconds()}
		switch res.Outcome {
		case Failed:
			k.Failure = &text{Message: cmp.Or(res.Reason(), res.Promise), Body: res.Detail}
		case Skipped:
			k.Skipped = &text{Message: res.Detail}
		case Remaining:
			k.Skipped = &text{Message: "not started: the time limit was reached"}
		}
		s.Cases = append(s.Cases, k)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	return enc.Encode(suites{Suite: s})
}

//go:embed report.html.tmpl
var page embed.FS

// HTML writes r as one page that needs nothing else.
func HTML(w io.Writer, r Run) error {
	t, err := template.New("report.html.tmpl").Funcs(template.FuncMap{
		"seconds": func(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) },
		"percent": percent,
	}).ParseFS(page, "report.html.tmpl")
	if err != nil {
		return err
	}
	return t.Execute(w, r)
}

// percent is where at lies on a bar that took is the whole of.
func percent(at, took time.Duration) string {
	if took <= 0 {
		return "0"
	}
	return fmt.Sprintf("%.2f", 100*min(1, float64(at)/float64(took)))
}

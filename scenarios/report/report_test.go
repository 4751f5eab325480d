package report

import (
	"bytes"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
)

func sample() Run {
	return Run{
		Started: time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC), Took: 90 * time.Second,
		Results: []Result{
			{Script: "boot/ready", Promise: "It becomes Ready.", Pair: "qemu-debian12", Outcome: Passed, Took: 40 * time.Second,
				Moments: []Moment{{At: 10 * time.Second, What: "DHCP"}, {At: 30 * time.Second, What: "Ready"}}},
			{Script: "boot/odd", Promise: "It says <why>.", Pair: "loopback", Outcome: Failed, Took: time.Second, Detail: "want 1 & got <2>", Kept: "out/x"},
			{Script: "boot/other", Promise: "Another family.", Pair: "container-rhel9", Outcome: Skipped, Detail: "image rhel9: no registry"},
			{Script: "boot/late", Promise: "Later.", Pair: "container-debian12", Outcome: Remaining},
		},
	}
}

func TestJUnitCountsWhatWasNotStartedAsSkipped(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	assert.NilError(t, JUnit(&out, sample()))
	golden.Assert(t, out.String(), "junit.golden")
}

func TestPageEscapesWhatScriptsPrinted(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	assert.NilError(t, HTML(&out, sample()))
	golden.Assert(t, out.String(), "page.golden")
	assert.Assert(t, !bytes.Contains(out.Bytes(), []byte("got <2>")))
}

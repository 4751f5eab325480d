package goalstate

import (
	"strconv"
	"strings"
	"time"
)

// yearOne is what an absent or senseless time stands for: older than everything.
var yearOne = time.Time{}

const ticksPerSecond = 10_000_000

// fromTicks reads a count of 100 ns since the year 1.
func fromTicks(s string) time.Time {
	ticks, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || ticks < 0 {
		return yearOne
	}
	return time.Unix(ticks/ticksPerSecond+yearOne.Unix(), ticks%ticksPerSecond*100).UTC()
}

// stampLayout is the form of the creation time in files and log lines.
const stampLayout = "2006-01-02T15:04:05.000000Z"

// CreatedText is the creation time as the original's log lines show it.
func (w Wanted) CreatedText() string { return w.Created.UTC().Format(stampLayout) }

// orNull is id, or the GUID that stands for none.
func orNull(id, null string) string {
	if id == "" {
		return null
	}
	return id
}

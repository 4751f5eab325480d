package scenarios_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// rowsFile has the table from the rows of the extension contract to the scripts and Go tests that play them.
const rowsFile = "scripts/extensions/README.md"

// row is a line of the table.
type row struct {
	numbers []int
	scripts []string // below scripts/extensions, or area/name
	tests   string   // folder of the Go tests; "" for none
	line    int
}

var (
	numbersOf = regexp.MustCompile(`\d+`)
	quoted    = regexp.MustCompile("`([^`]+)`")
)

// readRows reads the table.
func readRows(t *testing.T) []row {
	t.Helper()
	data, err := os.ReadFile(rowsFile)
	assert.NilError(t, err)
	var rows []row
	for i, line := range strings.Split(string(data), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || !numbersOf.MatchString(cells[1]) {
			continue
		}
		r := row{line: i + 1, numbers: span(t, cells[1])}
		for _, m := range quoted.FindAllStringSubmatch(cells[3], -1) {
			r.scripts = append(r.scripts, m[1])
		}
		switch test := strings.TrimSpace(cells[4]); {
		case strings.HasPrefix(test, "yes"):
			r.tests = "agent/internal/extension"
		case test != "":
			r.tests = strings.Trim(test, "`")
		}
		rows = append(rows, r)
	}
	return rows
}

// span reads "3", "16, 17" and "66-69".
func span(t *testing.T, cell string) []int {
	t.Helper()
	var all []int
	for _, word := range numbersOf.FindAllString(cell, -1) {
		n, err := strconv.Atoi(word)
		assert.NilError(t, err)
		if strings.Contains(cell, "-") && len(all) > 0 {
			for m := all[len(all)-1] + 1; m < n; m++ {
				all = append(all, m)
			}
		}
		all = append(all, n)
	}
	return all
}

// goTests are the names of the tests in a folder.
func goTests(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
	assert.NilError(t, err)
	var names strings.Builder
	for _, file := range files {
		data, err := os.ReadFile(file)
		assert.NilError(t, err)
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(data), -1) {
			names.WriteString(m[1] + "\n")
		}
	}
	return names.String()
}

// headRows are the rows that a script's promise names: "# Row 3: …", "# Rows 13 and 16: …", "# Rows 31 to 33: …".
func headRows(t *testing.T, script string) []int {
	t.Helper()
	data, err := os.ReadFile(script)
	assert.NilError(t, err)
	head, _, _ := strings.Cut(string(data), "\n")
	m := regexp.MustCompile(`^# Rows? ([\d, andto]+): `).FindStringSubmatch(head)
	if m == nil {
		return nil
	}
	return span(t, strings.ReplaceAll(m[1], "to", "-"))
}

// TestEveryRowIsPlayedByWhatTheTableNames holds the table to the scripts and tests that are there.
func TestEveryRowIsPlayedByWhatTheTableNames(t *testing.T) {
	t.Parallel()
	seen := map[int]int{}
	named := map[string][]int{} // rows by script
	for _, r := range readRows(t) {
		where := fmt.Sprintf("%s:%d", rowsFile, r.line)
		assert.Assert(t, len(r.scripts) > 0 || r.tests != "", "%s: nothing plays row %v", where, r.numbers)
		for _, n := range r.numbers {
			seen[n]++
			if r.tests != "" {
				want := fmt.Sprintf("TestRow%02d", n)
				assert.Assert(t, strings.Contains(goTests(t, r.tests), want), "%s: no %s… in %s", where, want, r.tests)
			}
		}
		for _, s := range r.scripts {
			file := "scripts/extensions/" + s + ".txtar"
			if strings.Contains(s, "/") {
				file = "scripts/" + s + ".txtar"
			}
			named[file] = append(named[file], r.numbers...)
		}
	}
	for n := 1; n <= 69; n++ {
		if n > 51 && n != 57 && n < 64 {
			assert.Equal(t, seen[n], 0, "row %d is no row of extensions", n)
			continue
		}
		assert.Equal(t, seen[n], 1, "row %d of %s", n, rowsFile)
	}
	for file, rows := range named {
		slices.Sort(rows)
		assert.DeepEqual(t, headRows(t, file), slices.Compact(rows))
	}
	files, err := filepath.Glob("scripts/extensions/row-*.txtar")
	assert.NilError(t, err)
	for _, file := range files {
		assert.Assert(t, named[file] != nil, "%s is not in the table", file)
		n, err := strconv.Atoi(filepath.Base(file)[4:6])
		assert.NilError(t, err)
		assert.Assert(t, slices.Contains(headRows(t, file), n), "%s is not about the row that it is named after", file)
	}
}

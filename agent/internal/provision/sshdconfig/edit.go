// Package sshdconfig edits sshd's configuration as text: a directive set outside Match blocks, everything else left as it
// stands. It knows nothing of files.
package sshdconfig

import "strings"

// Set returns text with keyword set to value outside Match blocks, and whether it had to change anything: every line
// there that sets the keyword is replaced; if none does, one is added before the first open Match line or at the end.
//
// As the original does, a file without a final line feed gets the new line before its last one.
func Set(text, keyword, value string) (string, bool) {
	want := keyword + " " + value
	lines := strings.Split(text, "\n")
	found, changed, match := false, false, -1
	for i, line := range lines {
		word := Keyword(line)
		switch {
		case word == "match":
			match = openMatch(line, match, i)
		case match < 0 && word == strings.ToLower(keyword):
			found = true
			if strings.TrimRight(line, "\r") != want {
				lines[i], changed = want, true
			}
		}
	}
	if found {
		return strings.Join(lines, "\n"), changed
	}
	at := len(lines) - 1
	if match >= 0 {
		at = match
	} else if Keyword(lines[at]) == "match" { // `Match all` without a line feed: before it would be inside a block
		at++
	}
	lines = append(lines[:at], append([]string{want}, lines[at:]...)...)
	return strings.Join(lines, "\n"), true
}

// Replace is Set for a file that need not set the keyword: nothing is added.
func Replace(text, keyword, value string) (string, bool) {
	for _, line := range Global(text) {
		if Keyword(line) == strings.ToLower(keyword) {
			return Set(text, keyword, value)
		}
	}
	return text, false
}

// Global are the lines outside Match blocks.
func Global(text string) []string {
	var global []string
	match := -1
	for i, line := range strings.Split(text, "\n") {
		if Keyword(line) == "match" {
			match = openMatch(line, match, i)
		} else if match < 0 {
			global = append(global, line)
		}
	}
	return global
}

// openMatch is where the block that is open after a Match line began: `Match all` closes it.
func openMatch(line string, open, at int) int {
	_, criteria := split(line)
	switch {
	case strings.EqualFold(strings.TrimSpace(criteria), "all"):
		return -1
	case open < 0:
		return at
	}
	return open
}

// Keyword is the directive of a line in lower case, "" for a comment or an empty line.
func Keyword(line string) string {
	word, _ := split(line)
	return strings.ToLower(word)
}

// Arguments are the words after a line's keyword; quotes hold blanks together.
func Arguments(line string) []string {
	_, rest := split(line)
	var words []string
	for rest = strings.TrimLeft(rest, " \t\r\n"); rest != "" && rest[0] != '#'; rest = strings.TrimLeft(rest, " \t\r\n") {
		var word string
		if rest[0] == '"' {
			word, rest, _ = strings.Cut(rest[1:], `"`)
		} else if i := strings.IndexAny(rest, " \t\r\n"); i >= 0 {
			word, rest = rest[:i], rest[i:]
		} else {
			word, rest = rest, ""
		}
		words = append(words, word)
	}
	return words
}

// split takes a line apart as sshd does: blanks before the keyword, then blanks and at most one '='.
func split(line string) (keyword, rest string) {
	line = strings.Trim(line, " \t\r\n")
	if line == "" || line[0] == '#' {
		return "", ""
	}
	end := strings.IndexAny(line, " \t=")
	if end < 0 {
		return strings.Trim(line, `"`), ""
	}
	rest = strings.TrimLeft(line[end:], " \t")
	rest = strings.TrimPrefix(rest, "=")
	return strings.Trim(line[:end], `"`), strings.TrimLeft(rest, " \t")
}

// Includes are the file patterns that a text's global Include directives name, relative ones below dir.
func Includes(text, dir string) []string {
	var patterns []string
	for _, line := range Global(text) {
		if Keyword(line) != "include" {
			continue
		}
		for _, p := range Arguments(line) {
			if !strings.HasPrefix(p, "/") {
				p = strings.TrimSuffix(dir, "/") + "/" + p
			}
			patterns = append(patterns, p)
		}
	}
	return patterns
}

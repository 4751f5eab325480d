package config

import (
	"bytes"
	"strings"
	"unicode"
)

// line is one `Key=value` of a file, or, with neither, a line that is no assignment.
type line struct {
	number     int // from 1
	key, value string
}

// scan reads the original's grammar: a line counts if its first character is no '#' and it holds a '='; the value ends
// at the first '#', even inside quotes, and loses blanks and double quotes at both ends. The original also loses the
// carriage return of a DOS file, but only after the quotes, so that `"y"` keeps one; here both go.
func scan(data []byte) []line {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var lines []line
	number := 0
	for text := range strings.SplitSeq(string(data), "\n") {
		number++
		if strings.HasPrefix(text, "#") {
			continue
		}
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			if rest := strings.TrimSpace(text); rest != "" && rest[0] != '#' {
				lines = append(lines, line{number: number})
			}
			continue
		}
		value, _, _ = strings.Cut(value, "#")
		value = strings.TrimFunc(value, func(r rune) bool { return r == '"' || unicode.IsSpace(r) })
		lines = append(lines, line{number: number, key: strings.TrimSpace(key), value: value})
	}
	return lines
}

package config_test

import "strings"

// fileSpelling turns a verbose dump into a file: True and False become y and n.
func fileSpelling(dump string) []byte {
	var b strings.Builder
	for line := range strings.Lines(dump) {
		line, _, _ = strings.Cut(line, " # ")
		key, value, _ := strings.Cut(line, " = ")
		switch value {
		case "True":
			value = "y"
		case "False":
			value = "n"
		}
		b.WriteString(key + "=" + value + "\n")
	}
	return []byte(b.String())
}

package packaging

import (
	"maps"
	"slices"
	"strings"
)

// Conf is the waagent.conf that the family ships: the common file, with its own values and without the keys it lacks.
func (f Family) Conf() ([]byte, error) {
	data, err := files.ReadFile("conf/waagent.conf")
	if err != nil {
		return nil, err
	}
	return Configure(without(data, f.Lacks), f.Changes), nil
}

// Configure returns conf with the given options set: a line that sets the option already is replaced where it stands,
// others are added at the end.
func Configure(conf []byte, options map[string]string) []byte {
	left := maps.Clone(options)
	var out []string
	for _, line := range lines(conf) {
		key := keyOf(line)
		value, ok := options[key]
		if !ok {
			out = append(out, line)
			continue
		}
		if _, first := left[key]; first { // a second line would win over the first
			out = append(out, key+"="+value)
			delete(left, key)
		}
	}
	if len(left) > 0 {
		out = append(out, "")
	}
	for _, key := range slices.Sorted(maps.Keys(left)) {
		out = append(out, key+"="+left[key])
	}
	return []byte(strings.Join(out, "\n") + "\n")
}

// without drops the lines of the given keys. A comment goes with the last key it speaks of.
func without(conf []byte, keys []string) []byte {
	var out []string
	for _, paragraph := range strings.Split(strings.TrimRight(string(conf), "\n"), "\n\n") {
		var kept []string
		settings, dropped := 0, 0
		for _, line := range strings.Split(paragraph, "\n") {
			if keyOf(line) != "" {
				settings++
				if slices.Contains(keys, keyOf(line)) {
					dropped++
					continue
				}
			}
			kept = append(kept, line)
		}
		if settings == 0 || dropped < settings {
			out = append(out, strings.Join(kept, "\n"))
		}
	}
	return []byte(strings.Join(out, "\n\n") + "\n")
}

// keyOf is the option that a line sets, "" for comments and empty lines.
func keyOf(line string) string {
	if strings.HasPrefix(strings.TrimSpace(line), "#") {
		return ""
	}
	key, _, found := strings.Cut(line, "=")
	if !found {
		return ""
	}
	return strings.TrimSpace(key)
}

func lines(data []byte) []string {
	return strings.Split(strings.TrimRight(string(data), "\n"), "\n")
}

package logline

import (
	"bytes"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/waagent-go/waagent/agent/protocol/redact"
)

// stamp always has six decimals: tools cut the line by columns.
const stamp = "2006-01-02T15:04:05.000000Z"

func levelName(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return "VERBOSE"
	case l < slog.LevelWarn:
		return "INFO"
	case l < slog.LevelError:
		return "WARNING"
	}
	return "ERROR"
}

// format lays the whole line out; h holds the record's attributes already.
func (h *Handler) format(at time.Time, level slog.Level, message string) []byte {
	var b bytes.Buffer
	b.WriteString(at.UTC().Format(stamp))
	b.WriteByte(' ')
	b.WriteString(levelName(level))
	b.WriteByte(' ')
	b.WriteString(h.thread)
	b.WriteByte(' ')
	if h.prefix != "" {
		b.WriteString(h.prefix)
		b.WriteByte(' ')
	}
	b.WriteString(ASCII(redact.SAS(message)))
	b.Write(h.attrs)
	b.WriteByte('\n')
	return b.Bytes()
}

// add fills a column or appends ` key=value`. h.attrs is copied when it grows, for other handlers share it.
func (h *Handler) add(a slog.Attr) {
	v := a.Value.Resolve()
	switch {
	case a.Key == threadKey:
		h.thread = v.String()
	case a.Key == prefixKey:
		h.prefix = v.String()
	case v.Kind() == slog.KindGroup:
		outer := h.group
		if a.Key != "" {
			h.group += a.Key + "."
		}
		for _, member := range v.Group() {
			h.add(member)
		}
		h.group = outer
	case a.Equal(slog.Attr{}):
	default:
		text := " " + ASCII(h.group+a.Key) + "=" + quote(ASCII(redact.SAS(valueText(v))))
		h.attrs = append(h.attrs[:len(h.attrs):len(h.attrs)], text...)
	}
}

func valueText(v slog.Value) string {
	switch v.Kind() {
	case slog.KindDuration:
		return shorten(v.Duration())
	case slog.KindTime:
		return v.Time().UTC().Format(stamp)
	case slog.KindAny:
		return fmt.Sprint(v.Any())
	}
	return v.String()
}

// shorten drops digits nobody reads: 1.234s, 12ms, 340us.
func shorten(d time.Duration) string {
	switch {
	case d.Abs() >= time.Second:
		d = d.Round(time.Millisecond)
	case d.Abs() >= time.Millisecond:
		d = d.Round(10 * time.Microsecond)
	default:
		d = d.Round(time.Microsecond)
	}
	return strings.ReplaceAll(d.String(), "\u00b5", "u")
}

// quote puts a value that would not read as one word into quotes, a line break in it becoming \n.
func quote(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\n\"=") {
		return s
	}
	return `"` + strings.NewReplacer(`"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(s) + `"`
}

// ASCII replaces what is not ASCII by backslash escapes, and control characters other than tab and line feed too, so
// that nothing a foreign document holds can steer a terminal.
func ASCII(s string) string {
	plain := func(c byte) bool { return c >= ' ' && c < 0x7f || c == '\n' || c == '\t' }
	i := 0
	for i < len(s) && plain(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	b := []byte(s[:i])
	for i < len(s) {
		if plain(s[i]) {
			b = append(b, s[i])
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			r = rune(s[i])
		}
		b = appendEscape(b, r)
		i += n
	}
	return string(b)
}

func appendEscape(b []byte, r rune) []byte {
	width, letter := 2, byte('x')
	switch {
	case r > 0xffff:
		width, letter = 8, 'U'
	case r > 0xff:
		width, letter = 4, 'u'
	}
	digits := strconv.FormatInt(int64(r), 16)
	b = append(b, '\\', letter)
	b = append(b, strings.Repeat("0", width-len(digits))...)
	return append(b, digits...)
}

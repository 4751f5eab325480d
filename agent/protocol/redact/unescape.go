package redact

import (
	"strconv"
	"strings"
)

// plain is a text without its escapes, and where each of its bytes comes from.
type plain struct {
	text string
	at   []int // at[i] is where byte i begins in the source; its last element is the source's length; nil: as in text
}

func (p plain) source(i int) int {
	if p.at == nil {
		return i
	}
	return p.at[i]
}

// maxLayers is more than any document has: a URL with an escaped signature, in a JSON string, in JSON in an XML element
// makes four. A text of nothing but escaped escapes must not be read a thousand times.
const maxLayers = 8

// unescape takes off one layer of escapes after the other.
func unescape(source string) plain {
	p := plain{text: source}
	for range maxLayers {
		next := p.withoutLayer()
		if len(next.text) == len(p.text) {
			break
		}
		p = next
	}
	return p
}

func (p plain) withoutLayer() plain {
	if !escaped(p.text) {
		return p
	}
	var b strings.Builder
	at := make([]int, 0, len(p.text)+1)
	for i := 0; i < len(p.text); {
		c, n := escape(p.text[i:])
		if n == 0 {
			c, n = p.text[i], 1
		}
		b.WriteByte(c)
		at = append(at, p.source(i))
		i += n
	}
	return plain{b.String(), append(at, p.source(len(p.text)))}
}

func escaped(text string) bool {
	for i := range len(text) {
		if _, n := escape(text[i:]); n > 0 {
			return true
		}
	}
	return false
}

// escape is the character that the escape at the beginning of s stands for, and the escape's length, 0 when there is
// none or it stands for something beyond ASCII.
func escape(s string) (c byte, length int) {
	switch s[0] {
	case '%':
		return percent(s)
	case '\\':
		return backslash(s)
	case '&':
		return entity(s)
	}
	return 0, 0
}

// percent leaves what would end a URL as it is: behind a percent sign it is part of one.
func percent(s string) (c byte, length int) {
	if len(s) < 3 {
		return 0, 0
	}
	c, ok := ascii(s[1:3], 16)
	if !ok || c <= ' ' || strings.IndexByte("\"'<>`", c) >= 0 {
		return 0, 0
	}
	return c, 3
}

func backslash(s string) (c byte, length int) {
	if len(s) < 2 {
		return 0, 0
	}
	switch s[1] {
	case '/', '\\', '"', '\'':
		return s[1], 2
	case 'b', 'f', 'n', 'r', 't':
		return ' ', 2
	case 'u':
		return hex(s, 4)
	case 'x':
		return hex(s, 2)
	}
	return 0, 0
}

func hex(s string, digits int) (c byte, length int) {
	if len(s) < 2+digits {
		return 0, 0
	}
	if c, ok := ascii(s[2:2+digits], 16); ok {
		return c, 2 + digits
	}
	return 0, 0
}

var entities = map[string]byte{"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\''}

func entity(s string) (c byte, length int) {
	const longest = len("&#x00000026;")
	end := strings.IndexByte(s[:min(len(s), longest)], ';')
	if end < 0 {
		return 0, 0
	}
	name := s[1:end]
	if c, ok := entities[name]; ok {
		return c, end + 1
	}
	digits, base := strings.CutPrefix(name, "#")
	if !base {
		return 0, 0
	}
	radix := 10
	if strings.HasPrefix(digits, "x") || strings.HasPrefix(digits, "X") {
		digits, radix = digits[1:], 16
	}
	if c, ok := ascii(digits, radix); ok {
		return c, end + 1
	}
	return 0, 0
}

// ascii is the character of a number; no other sign than digits is accepted.
func ascii(digits string, base int) (byte, bool) {
	n, err := strconv.ParseUint(digits, base, 32)
	return byte(n), err == nil && n < 0x80
}

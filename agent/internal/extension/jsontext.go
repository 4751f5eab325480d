package extension

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// spaced marshals v in the spelling that shell shims in the field cut values out of: one line, ", " and ": " between
// values, nothing but ASCII, and no escapes that are not needed. Raw members keep their key order and their numbers.
func spaced(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return respell(out.Bytes()), nil
}

// respell changes the spelling of a valid JSON document, not what it says.
func respell(doc []byte) []byte {
	out := make([]byte, 0, len(doc)+len(doc)/8)
	for i := 0; i < len(doc); i++ {
		switch c := doc[i]; c {
		case ' ', '\t', '\r', '\n':
		case ',', ':':
			out = append(out, c, ' ')
		case '"':
			end := stringEnd(doc, i)
			out = append(out, '"')
			out = appendString(out, doc[i+1:end])
			out = append(out, '"')
			i = end
		default:
			out = append(out, c)
		}
	}
	return out
}

// stringEnd is the index of the quote that closes the string opened at i.
func stringEnd(doc []byte, i int) int {
	for i++; i < len(doc) && doc[i] != '"'; i++ {
		if doc[i] == '\\' {
			i++
		}
	}
	return i
}

// appendString respells the inside of a JSON string.
func appendString(out, s []byte) []byte {
	for len(s) > 0 {
		switch {
		case s[0] == '\\' && s[1] == 'u':
			unit, _ := strconv.ParseUint(string(s[2:6]), 16, 16)
			out = appendUnit(out, rune(unit))
			s = s[6:]
		case s[0] == '\\' && s[1] == '/':
			out, s = append(out, '/'), s[2:]
		case s[0] == '\\':
			out, s = append(out, s[:2]...), s[2:]
		case s[0] < utf8.RuneSelf:
			out, s = append(out, s[0]), s[1:]
		default:
			r, n := utf8.DecodeRune(s)
			if r > 0xffff {
				r -= 0x10000
				out = appendUnit(out, 0xd800+r>>10)
				r = 0xdc00 + r&0x3ff
			}
			out, s = appendUnit(out, r), s[n:]
		}
	}
	return out
}

// appendUnit spells one UTF-16 unit; a half of a pair stands as it came.
func appendUnit(out []byte, unit rune) []byte {
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}
	switch text, ok := short[unit]; {
	case ok:
		return append(out, text...)
	case unit >= ' ' && unit < utf8.RuneSelf:
		return append(out, byte(unit))
	}
	return fmt.Appendf(out, `\u%04x`, unit)
}

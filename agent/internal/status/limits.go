package status

import "unicode/utf8"

// Limits on what one extension may say, in characters.
const (
	// MaxFile is the size of a status file above which its texts are cut.
	MaxFile        = 131072
	maxMessage     = 1024
	maxSubstatus   = 10240 // its name, and its message
	maxSubstatuses = MaxFile
	truncatedMark  = " ... [TRUNCATED]"
)

// Truncated is x as reported when its status file is larger than MaxFile: texts are cut, and the substatuses that no
// longer fit are left out, the last ones first.
func (x Extension) Truncated() Extension {
	x.Message = cut(x.Message, maxMessage)
	var kept []Substatus
	total := 0
	for _, s := range x.Substatus {
		s.Name, s.Message = cut(s.Name, maxSubstatus), cut(s.Message, maxSubstatus)
		total += utf8.RuneCountInString(s.Name) + utf8.RuneCountInString(s.Message) + utf8.RuneCountInString(s.Status)
		if total > maxSubstatuses {
			break
		}
		kept = append(kept, s)
	}
	x.Substatus = kept
	return x
}

// cut keeps limit characters of s and says so; a text of exactly that length is marked too, as the platform expects.
func cut(s string, limit int) string {
	n := 0
	for i := range s {
		if n == limit {
			return s[:i] + truncatedMark
		}
		n++
	}
	if n == limit {
		return s + truncatedMark
	}
	return s
}

package ovfenv

import (
	"bytes"
	"encoding/xml"
	"strings"
)

// RedactedText stands in a redacted document where a secret stood. It is the original's.
const RedactedText = "*"

// Redact returns data with the content of every password and custom data element replaced, whatever prefix the
// element has and however its content is written. All other bytes stay as they are. Of a document that is not well
// formed it returns nothing: nobody knows where its secrets are, so it must not be kept.
func Redact(data []byte) ([]byte, error) {
	body := trimMark(data)
	mark := len(data) - len(body)
	var out bytes.Buffer
	var kept, from int64 // how far data has been copied; where the open secret's content begins
	inside, before := 0, int64(0)
	err := walk(body, func(d *xml.Decoder, token xml.Token) error {
		switch t := token.(type) {
		case xml.StartElement:
			if inside > 0 {
				inside++
			} else if secretName(t.Name.Local) {
				inside, from = 1, d.InputOffset()
			}
		case xml.EndElement:
			if inside == 1 && before > from {
				out.Write(body[kept:from])
				out.WriteString(RedactedText)
				kept = before
			}
			inside = max(inside-1, 0)
		}
		before = d.InputOffset()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return append(append(data[:mark:mark], out.Bytes()...), body[kept:]...), nil
}

func secretName(local string) bool {
	return strings.EqualFold(local, "UserPassword") || strings.EqualFold(local, "AdminPassword") ||
		strings.EqualFold(local, "CustomData")
}

// Package secret holds the one type in which passwords, keys, SAS URLs and protected settings travel. Its values
// say nothing when they are printed, logged or marshalled; Reveal is the only way out, so a reader finds every place
// that handles a secret by searching for that word.
package secret

import (
	"encoding/json"
	"encoding/xml"
	"log/slog"
)

// Redacted is what a secret looks like wherever it is printed.
const Redacted = "***REDACTED***"

// Text is a secret string. The zero value is the absent secret.
type Text struct{ value string }

// New wraps value.
func New(value string) Text { return Text{value} }

// Reveal returns the secret itself.
func (t Text) Reveal() string { return t.value }

// IsZero reports whether there is no secret; it also makes `omitzero` work.
func (t Text) IsZero() bool { return t.value == "" }

// String hides the secret, and says "" when there is none.
func (t Text) String() string {
	if t.value == "" {
		return ""
	}
	return Redacted
}

// GoString hides the secret from %#v.
func (t Text) GoString() string { return "secret.Text(" + t.String() + ")" }

// LogValue hides the secret from log/slog.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalJSON writes the redaction mark, never the secret: a document that must carry a secret is built with Reveal.
func (t Text) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }

// UnmarshalJSON reads a JSON string; null is the absent secret.
func (t *Text) UnmarshalJSON(data []byte) error { return json.Unmarshal(data, &t.value) }

// MarshalText writes the redaction mark, never the secret.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText takes text as the secret.
func (t *Text) UnmarshalText(text []byte) error { t.value = string(text); return nil }

// UnmarshalXML reads the element's character data.
func (t *Text) UnmarshalXML(d *xml.Decoder, start xml.StartElement) error {
	return d.DecodeElement(&t.value, &start)
}

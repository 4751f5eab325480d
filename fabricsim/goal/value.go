package goal

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Value is any JSON, kept as it was written: order of keys and big numbers survive. The zero Value is absent.
type Value struct{ raw json.RawMessage }

// JSON wraps a JSON text.
func JSON(text string) Value { return Value{json.RawMessage(text)} }

// IsZero reports whether the value is absent.
func (v Value) IsZero() bool { return len(v.raw) == 0 }

// Text is the value as JSON, "" when absent.
func (v Value) Text() string { return string(v.raw) }

// MarshalJSON writes the value as it is.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.IsZero() {
		return []byte("null"), nil
	}
	return v.raw, nil
}

// UnmarshalJSON keeps the text.
func (v *Value) UnmarshalJSON(data []byte) error {
	v.raw = bytes.Clone(data)
	return nil
}

// UnmarshalYAML turns YAML into JSON, keys in their order.
func (v *Value) UnmarshalYAML(n *yaml.Node) error {
	var b bytes.Buffer
	if err := writeJSON(&b, n); err != nil {
		return err
	}
	v.raw = b.Bytes()
	return nil
}

func writeJSON(b *bytes.Buffer, n *yaml.Node) error {
	switch n.Kind {
	case yaml.AliasNode:
		return writeJSON(b, n.Alias)
	case yaml.SequenceNode:
		return writeAll(b, n, '[', ']', 1)
	case yaml.MappingNode:
		return writeAll(b, n, '{', '}', 2)
	case yaml.ScalarNode:
		return writeScalar(b, n)
	}
	return fmt.Errorf("line %d: cannot be JSON", n.Line)
}

func writeAll(b *bytes.Buffer, n *yaml.Node, open, end byte, step int) error {
	b.WriteByte(open)
	for i := 0; i < len(n.Content); i += step {
		if i > 0 {
			b.WriteByte(',')
		}
		if step == 2 {
			writeString(b, n.Content[i].Value)
			b.WriteByte(':')
		}
		if err := writeJSON(b, n.Content[i+step-1]); err != nil {
			return err
		}
	}
	b.WriteByte(end)
	return nil
}

func writeScalar(b *bytes.Buffer, n *yaml.Node) error {
	switch n.Tag {
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) { // as it was written, however big
			b.WriteString(n.Value)
			return nil
		}
	case "!!str":
		writeString(b, n.Value)
		return nil
	}
	var x any
	if err := n.Decode(&x); err != nil {
		return err
	}
	text, err := json.Marshal(x)
	b.Write(text)
	return err
}

func writeString(b *bytes.Buffer, s string) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if enc.Encode(s) == nil { // a string always encodes
		b.Truncate(b.Len() - 1) // the encoder's newline
	}
}

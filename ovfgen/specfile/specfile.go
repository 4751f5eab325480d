// Package specfile reads the YAML that people write: specs, goal states, playbooks, vm.yaml. It is strict, and each
// mistake is named by its line and its field, in words of the file and not of the program.
package specfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Described is a struct with an UnmarshalYAML of its own that says what it takes, for errors: "a key, or ...". Given a
// mapping, it takes its fields.
type Described interface{ Describe() string }

// Document knows where the fields of a file are, for what is checked after decoding. The zero Document knows none.
type Document struct{ lines map[string]int }

// Decode reads the one document of data, YAML or JSON, into v, which is a pointer. An empty file leaves v alone. A field
// that v has no place for, or that stands twice, is an error. Several mistakes are joined with errors.Join.
func Decode(data []byte, v any) (Document, error) {
	var root, more yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(data))
	switch err := d.Decode(&root); {
	case errors.Is(err, io.EOF):
		return Document{}, nil
	case err != nil:
		return Document{}, syntax(err)
	}
	if err := d.Decode(&more); err == nil {
		return Document{}, fmt.Errorf("line %d: a second document", more.Line)
	} else if !errors.Is(err, io.EOF) {
		return Document{}, syntax(err)
	}
	w := walk{lines: map[string]int{}}
	w.document(&root, v)
	if len(w.problems) > 0 {
		return Document{}, errors.Join(w.problems...)
	}
	strict := yaml.NewDecoder(bytes.NewReader(data))
	strict.KnownFields(true)
	if err := strict.Decode(v); err != nil {
		return Document{}, syntax(err)
	}
	return Document{lines: w.lines}, nil
}

// Problem is a mistake in the value of a field, which is spelt as in errors of Decode: "ssh_keys[1].path".
func (d Document) Problem(field, format string, args ...any) error {
	text := field + ": " + fmt.Sprintf(format, args...)
	if line := d.lines[field]; line > 0 {
		text = fmt.Sprintf("line %d: %s", line, text)
	}
	return errors.New(text)
}

// In puts the name of the file before each of the mistakes that err joins.
func In(file string, err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fmt.Errorf("%s: %w", file, err)
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, In(file, e))
	}
	return errors.Join(all...)
}

var goType = regexp.MustCompile(` (into|in type) \S+`)

// syntax rewords what the library says, which speaks of itself and of Go's types.
func syntax(err error) error {
	typed, ok := errors.AsType[*yaml.TypeError](err)
	if !ok {
		return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	found := make([]error, len(typed.Errors))
	for i, text := range typed.Errors {
		found[i] = errors.New(goType.ReplaceAllString(text, ""))
	}
	return errors.Join(found...)
}

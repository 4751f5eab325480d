package specfile

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// walk compares a document with the type it is meant for, and notes each field's line and each mistake.
type walk struct {
	lines    map[string]int
	problems []error
	visits   int
}

// mostVisits is more than any file a person writes has values.
const mostVisits = 100_000

func (w *walk) document(root *yaml.Node, v any) {
	if len(root.Content) == 1 {
		w.node(root.Content[0], reflect.TypeOf(v).Elem(), "")
	}
}

func (w *walk) fail(n *yaml.Node, field, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if field != "" {
		text = field + ": " + text
	}
	w.problems = append(w.problems, fmt.Errorf("line %d: %s", n.Line, text))
}

// node checks n, the value of field, against t.
func (w *walk) node(n *yaml.Node, t reflect.Type, field string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if w.visits++; w.visits > mostVisits {
		return // aliases of aliases, or of themselves, which the library refuses
	}
	if _, known := w.lines[field]; !known {
		w.lines[field] = n.Line
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" || t.Kind() == reflect.Interface {
		return
	}
	switch {
	case readsItself(t) && (described(t) == "" || n.Kind != yaml.MappingNode):
		w.leaf(n, t, field)
	case t.Kind() == reflect.Struct && n.Kind == yaml.MappingNode:
		w.fields(n, t, field)
	case t.Kind() == reflect.Map && n.Kind == yaml.MappingNode:
		w.members(n, t, field)
	case t.Kind() == reflect.Slice && n.Kind == yaml.SequenceNode:
		for i, item := range n.Content {
			w.node(item, t.Elem(), fmt.Sprintf("%s[%d]", field, i))
		}
	default:
		w.leaf(n, t, field)
	}
}

// readsItself reports whether a type has its own way to be read.
func readsItself(t reflect.Type) bool {
	return isText(t) || reflect.PointerTo(t).Implements(reflect.TypeFor[yaml.Unmarshaler]())
}

func isText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// isInteger is for types into which the library would take a fraction, cut off.
func isInteger(t reflect.Type) bool {
	return t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64 && !readsItself(t)
}

var itsLine = regexp.MustCompile(`^(line \d+: )(.*)$`)

// leaf has the library try a value whose parts are not looked into.
func (w *walk) leaf(n *yaml.Node, t reflect.Type, field string) {
	wrongKind := n.Kind != yaml.ScalarNode && (isText(t) || described(t) != "") || n.ShortTag() == "!!float" && isInteger(t)
	err := n.Decode(reflect.New(t).Interface())
	if err == nil && !wrongKind {
		return
	}
	if _, ok := errors.AsType[*yaml.TypeError](err); ok || wrongKind || t == reflect.TypeFor[time.Time]() {
		w.fail(n, field, "want %s, not %s", wanted(t), found(n))
		return
	}
	text := strings.TrimPrefix(err.Error(), "yaml: ") // the type's own words
	if own := itsLine.FindStringSubmatch(text); own != nil {
		w.problems = append(w.problems, errors.New(own[1]+field+": "+own[2]))
		return
	}
	w.fail(n, field, "%s", text)
}

// fields checks a mapping against a struct.
func (w *walk) fields(n *yaml.Node, t reflect.Type, field string) {
	known := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		if f.IsExported() && name != "-" {
			known[name] = f.Type
		}
	}
	w.pairs(n, field, func(name string) (reflect.Type, bool) {
		t, ok := known[name]
		return t, ok
	})
}

// members checks a mapping against a map.
func (w *walk) members(n *yaml.Node, t reflect.Type, field string) {
	w.pairs(n, field, func(string) (reflect.Type, bool) { return t.Elem(), true })
}

func (w *walk) pairs(n *yaml.Node, field string, typeOf func(name string) (reflect.Type, bool)) {
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := key.Value
		t, ok := typeOf(name)
		switch line := first[name]; {
		case key.Kind != yaml.ScalarNode:
			w.fail(key, field, "want a name before the colon, not %s", found(key))
			continue
		case key.ShortTag() == "!!merge": // the library looks into what it brings in
			continue
		case !ok:
			w.fail(key, field, "unknown field %q", name)
			continue
		case line > 0:
			w.fail(key, join(field, name), "stands twice, first in line %d", line)
			continue
		}
		first[name] = key.Line
		w.lines[join(field, name)] = key.Line
		w.node(value, t, join(field, name))
	}
}

func join(field, name string) string {
	if field == "" {
		return name
	}
	return field + "." + name
}

// described is what a type says of itself, "" if it does not.
func described(t reflect.Type) string {
	if d, ok := reflect.New(t).Interface().(Described); ok {
		return d.Describe()
	}
	return ""
}

// wanted says what a type takes.
func wanted(t reflect.Type) string {
	if text := described(t); text != "" {
		return text
	}
	if t == reflect.TypeFor[time.Time]() {
		return "a time such as 2030-01-31T12:00:00Z"
	}
	if isText(t) {
		return "text"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number that is not negative"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "text"
	case reflect.Slice:
		return "a list"
	}
	return "a mapping"
}

// found says what stands there.
func found(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a mapping"
	}
	if n.ShortTag() == "!!str" {
		return fmt.Sprintf("%.40q", n.Value)
	}
	return fmt.Sprintf("%.40s", n.Value)
}

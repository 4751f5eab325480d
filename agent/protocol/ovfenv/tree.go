package ovfenv

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The document is small; these bounds keep a hostile one from costing memory.
const (
	maxBytes = 4 << 20
	maxDepth = 64
)

// node is an element: its local name, its text (CDATA and comments' surroundings joined) and its children. Prefixes
// and namespaces are not kept, because writers disagree about them and local names alone are unambiguous here.
type node struct {
	name     string
	line     int
	text     strings.Builder
	children []*node
}

// parse reads data into a tree.
func parse(data []byte) (*node, error) {
	if len(data) > maxBytes {
		return nil, fmt.Errorf("%s: %d bytes, more than the %d a document may have", FileName, len(data), maxBytes)
	}
	var stack []*node
	var root *node
	err := walk(trimMark(data), func(d *xml.Decoder, token xml.Token) error {
		switch t := token.(type) {
		case xml.StartElement:
			line, _ := d.InputPos()
			n := &node{name: t.Name.Local, line: line}
			if len(stack) == 0 {
				root = n
			} else {
				top := stack[len(stack)-1]
				top.children = append(top.children, n)
			}
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].text.Write(t)
			}
		}
		return nil
	})
	return root, err
}

// walk hands every token of one well-formed document to visit. Its errors say where.
func walk(data []byte, visit func(*xml.Decoder, xml.Token) error) error {
	d := xml.NewDecoder(bytes.NewReader(data))
	depth, roots := 0, 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			if roots == 0 {
				return position(d, errors.New("no element"))
			}
			return nil
		}
		if err != nil {
			return position(d, err)
		}
		switch token.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			depth++
		case xml.EndElement:
			depth--
		}
		if depth > maxDepth || roots > 1 {
			return position(d, errors.New("more than one document element, or elements nested too deep"))
		}
		if err := visit(d, token); err != nil {
			return position(d, err)
		}
	}
}

// position adds where in the document the decoder stands.
func position(d *xml.Decoder, err error) error {
	line, column := d.InputPos()
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		err = errors.New(syntax.Msg) // its own text repeats the line
	}
	return fmt.Errorf("%s: line %d, column %d: %w", FileName, line, column, err)
}

// trimMark drops a byte order mark. The original drops any three leading bytes above 0x7f; so does this.
func trimMark(data []byte) []byte {
	if len(data) >= 3 && data[0] > 0x7f && data[1] > 0x7f && data[2] > 0x7f {
		return data[3:]
	}
	return data
}

// find is the first element called name below n, in document order.
func (n *node) find(name string) *node {
	if n == nil {
		return nil
	}
	for _, c := range n.children {
		if c.name == name {
			return c
		}
		if found := c.find(name); found != nil {
			return found
		}
	}
	return nil
}

// all is every element called name below n, in document order.
func (n *node) all(name string) []*node {
	if n == nil {
		return nil
	}
	var found []*node
	for _, c := range n.children {
		if c.name == name {
			found = append(found, c)
		}
		found = append(found, c.all(name)...)
	}
	return found
}

// raw is the text of the first element called name below n.
func (n *node) raw(name string) string {
	if found := n.find(name); found != nil {
		return found.text.String()
	}
	return ""
}

// word is raw without the white space around it: cloud-init's own documents put a newline after each value.
func (n *node) word(name string) string { return strings.TrimSpace(n.raw(name)) }

// flag is whether the element says true.
func (n *node) flag(name string) bool { return strings.EqualFold(n.word(name), "true") }

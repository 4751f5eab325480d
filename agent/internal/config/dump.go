package config

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Dump writes the effective options as `Key = Value`, sorted, in the original's spelling (True, False, None), for
// people and for tools that parse it. Verbose lists every option and adds where each value came from.
func (l *Loaded) Dump(w io.Writer, verbose bool) error {
	table := options(&l.Config)
	slices.SortFunc(table, func(a, b option) int { return strings.Compare(a.name, b.name) })
	for _, o := range table {
		if o.hidden && !verbose {
			continue
		}
		text := o.name + " = " + o.text()
		if verbose {
			text += " # " + l.origin(o)
		}
		if _, err := fmt.Fprintln(w, text); err != nil {
			return err
		}
	}
	return nil
}

func (l *Loaded) origin(o option) string {
	if n := l.lines[o.name]; n > 0 {
		return fmt.Sprintf("%s line %d", l.Path, n)
	}
	switch {
	case slices.Contains(l.Kept, o.name):
		return "default of the agent that provisioned this VM"
	case o.like != "":
		return "as " + o.like
	}
	return "default"
}

func (o option) text() string {
	switch field := o.field.(type) {
	case *bool:
		if *field {
			return "True"
		}
		return "False"
	case *string:
		if *field == "" && o.value == "None" {
			return "None"
		}
		return *field
	case *int:
		if *field == 0 && o.value == "None" {
			return "None"
		}
		return strconv.Itoa(*field)
	case *int64:
		return strconv.FormatInt(*field, 10)
	case *time.Duration:
		return strconv.FormatInt(int64(*field/time.Second), 10)
	}
	return ""
}

package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/host"
)

// Defaults chooses what an absent key means.
type Defaults int

const (
	// DocumentedDefaults are those of the public documentation; they hold for a VM that this agent provisions.
	DocumentedDefaults Defaults = iota
	// LegacyDefaults keep the Python agent's value for the absent keys whose documented default would format a disk,
	// publish host names or delete host keys on a VM that another agent provisioned.
	LegacyDefaults
)

// Warning is something in the file that is not as it should be; the agent goes on without it.
type Warning struct {
	Line int
	Text string
}

func (w Warning) String() string { return fmt.Sprintf("line %d: %s", w.Line, w.Text) }

// DefaultLibDir is where the agent keeps its state unless Lib.Dir says otherwise.
const DefaultLibDir = "/var/lib/waagent"

// Loaded is a file's effective configuration and where each value came from.
type Loaded struct {
	Config
	Path     string
	Warnings []Warning
	// Kept names the absent options that have the Python agent's value because another agent provisioned this VM.
	Kept []string

	lines map[string]int // option name: the line that set it
}

// IsSet reports whether the file itself sets option to a value that could be used; None is no value.
func (l *Loaded) IsSet(option string) bool { return l.lines[option] > 0 }

// Load reads the file at path. A missing, unreadable or empty file is an error; whatever is odd inside it is a warning.
func Load(files host.Files, path string, defaults Defaults) (*Loaded, error) {
	data, err := files.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	l, err := Parse(data, defaults)
	if err != nil {
		return nil, fmt.Errorf("read configuration %s: %w", path, err)
	}
	l.Path = path
	return l, nil
}

// Parse is Load for a file's content.
func Parse(data []byte, defaults Defaults) (*Loaded, error) {
	if len(data) == 0 {
		return nil, errors.New("the file is empty")
	}
	if at := bytes.IndexByte(data, 0); at >= 0 {
		return nil, fmt.Errorf("line %d: a zero byte: this is no text file", bytes.Count(data[:at], []byte("\n"))+1)
	}
	l := &Loaded{lines: map[string]int{}}
	table := options(&l.Config)
	values := l.values(data, table)
	for _, o := range table {
		value, set := values[o.name]
		if !set {
			value = o.absent(defaults, values, table)
			if defaults == LegacyDefaults && o.legacy != "" {
				l.Kept = append(l.Kept, o.name)
			}
		}
		if err := o.set(value); err != nil {
			return nil, fmt.Errorf("%s: %w", o.name, err) // a default that does not fit its own option
		}
	}
	return l, nil
}

// values returns what the file says about each option, later lines winning, and warns about the rest. None is "unset".
func (l *Loaded) values(data []byte, table []option) map[string]string {
	values := map[string]string{}
	known, quiet := map[string]option{}, accepted()
	for _, o := range table {
		known[o.name] = o
	}
	for _, line := range scan(data) {
		o, ok := known[line.key]
		switch {
		case line.key == "":
			l.warn(line, "neither Key=value nor a comment; ignored")
		case !ok && slices.Contains(quiet, line.key) || strings.HasPrefix(line.key, "#"):
		case !ok:
			l.warn(line, "unknown option %.80q", line.key)
		case line.value == "None":
			delete(values, line.key)
			delete(l.lines, line.key)
		default:
			if err := o.set(line.value); err != nil {
				l.warn(line, "%s=%.80q is %v; ignored", line.key, line.value, err)
				continue
			}
			values[line.key] = line.value
			l.lines[line.key] = line.number
		}
	}
	return values
}

func (l *Loaded) warn(at line, format string, args ...any) {
	l.Warnings = append(l.Warnings, Warning{Line: at.number, Text: fmt.Sprintf(format, args...)})
}

// absent is the value of an option that the file does not set.
func (o option) absent(defaults Defaults, values map[string]string, table []option) string {
	if defaults == LegacyDefaults && o.legacy != "" {
		return o.legacy
	}
	if o.like == "" {
		return o.value
	}
	if value, ok := values[o.like]; ok {
		return value
	}
	other := slices.IndexFunc(table, func(t option) bool { return t.name == o.like })
	return table[other].value
}

// set parses value into the option's field. "None" is each type's zero.
func (o option) set(value string) error {
	switch field := o.field.(type) {
	case *bool:
		return setBool(field, value)
	case *string:
		return o.setText(field, value)
	case *int:
		n, err := o.number(value)
		if err == nil {
			*field = int(n)
		}
		return err
	case *int64:
		n, err := o.number(value)
		if err == nil {
			*field = n
		}
		return err
	case *time.Duration:
		n, err := o.number(value)
		if err == nil {
			*field = asSeconds(n)
		}
		return err
	}
	return fmt.Errorf("of an unforeseen type %T", o.field)
}

func setBool(field *bool, value string) error {
	switch {
	case strings.EqualFold(value, "y"):
		*field = true
	case strings.EqualFold(value, "n"):
		*field = false
	default:
		return errors.New("neither y nor n")
	}
	return nil
}

func (o option) setText(field *string, value string) error {
	if value == "None" {
		*field = ""
		return nil
	}
	if o.check != nil {
		if err := o.check(value); err != nil {
			return err
		}
	}
	*field = value
	return nil
}

// most keeps a number of seconds inside a time.Duration and every number inside an int of 32 bits.
const most = 1<<31 - 1

func (o option) number(value string) (int64, error) {
	if value == "None" {
		return 0, nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0, errors.New("not a number")
	}
	if _, wide := o.field.(*int64); n > most && !wide {
		return 0, errors.New("too large")
	}
	if n < o.least {
		return 0, fmt.Errorf("less than %d", o.least)
	}
	return n, nil
}

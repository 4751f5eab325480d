// Package flags is the command line of fabricsim, ovfgen and scenarios: the standard flag package, in a loop that
// takes flags after operands too, and the exit codes the three share. waagent has the original's grammar instead.
package flags

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// The exit codes.
const (
	Done     = 0 // what was asked for is done
	No       = 1 // the answer is no: not Ready, extension failed, documents differ, input is bad
	Usage    = 2 // the command line makes no sense
	CannotGo = 3 // something is missing here; the message says what
	Internal = 4 // a fault of this program
)

// Parse parses args with set and returns the operands, wherever among the flags they stand. What follows "--" is
// operands. set writes its usage and errors to its own output.
func Parse(set *flag.FlagSet, args []string) ([]string, error) {
	var operands []string
	for {
		rest := len(args)
		if err := set.Parse(args); err != nil {
			return nil, err
		}
		left := set.Args()
		if taken := rest - len(left); taken > 0 && args[taken-1] == "--" && endsFlags(set, args[:taken]) {
			return append(operands, left...), nil
		}
		if len(left) == 0 {
			return operands, nil
		}
		operands, args = append(operands, left[0]), left[1:]
	}
}

// endsFlags reports whether the final "--" of args is a terminator, and not the value of the flag before it.
func endsFlags(set *flag.FlagSet, args []string) bool {
	probe := flag.NewFlagSet("", flag.ContinueOnError)
	probe.SetOutput(io.Discard)
	set.VisitAll(func(f *flag.Flag) { probe.Var(ignore{f.Value}, f.Name, "") })
	return probe.Parse(args[:len(args)-1]) == nil && probe.NArg() == 0
}

// ignore is a flag that takes any value and keeps none.
type ignore struct{ of flag.Value }

func (ignore) String() string   { return "" }
func (ignore) Set(string) error { return nil }

func (i ignore) IsBoolFlag() bool {
	b, ok := i.of.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// New is a flag set called name that shows help, a text of its own rather than a list, on -h and on mistakes.
// Help that was asked for goes to stdout and is no error; the rest goes to stderr.
func New(name, help string, stdout, stderr io.Writer) *Set {
	s := &Set{FlagSet: flag.NewFlagSet(name, flag.ContinueOnError), help: help, stdout: stdout, stderr: stderr}
	s.SetOutput(io.Discard)
	s.Usage = func() {}
	return s
}

// Set is a flag set with its texts.
type Set struct {
	*flag.FlagSet
	help           string
	stdout, stderr io.Writer
}

// Operands parses args and checks that from least to most operands are given; most < 0 is no limit. When it answers
// false the program ends with the code, and everything has been said.
func (s *Set) Operands(args []string, least, most int) (operands []string, code int, ok bool) {
	operands, err := Parse(s.FlagSet, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(s.stdout, s.help)
		return nil, Done, false
	case err == nil && len(operands) < least:
		err = errors.New("an operand is missing")
	case err == nil && most >= 0 && len(operands) > most:
		err = fmt.Errorf("unexpected operand %q", operands[most])
	}
	if err != nil {
		return nil, s.Fail(err), false
	}
	return operands, Done, true
}

// Fail says what is wrong with the command line, and returns the code for that.
func (s *Set) Fail(err error) int {
	fmt.Fprintf(s.stderr, "%s: %v\nTry %s -help.\n", s.Name(), err, s.Name())
	return Usage
}

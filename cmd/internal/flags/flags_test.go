package flags

import (
	"bytes"
	"errors"
	"flag"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestFlagsStandBeforeAndAfterOperands(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"-o x a b":       "x false [a b]",
		"a -o x b":       "x false [a b]",
		"a b -o=x -v":    "x true [a b]",
		"-v a --o x":     "x true [a]",
		"a -- -v b":      " false [a -v b]",
		"-- -o":          " false [-o]",
		"-o -- a -v":     "-- true [a]",
		"a -o x -- -- c": "x false [a -- c]",
		"-":              " false [-]",
		"":               " false []",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			set := flag.NewFlagSet("test", flag.ContinueOnError)
			out, verbose := set.String("o", "", ""), set.Bool("v", false, "")
			operands, err := Parse(set, strings.Fields(line))
			assert.NilError(t, err)
			got := *out + " " + map[bool]string{true: "true", false: "false"}[*verbose] + " [" + strings.Join(operands, " ") + "]"
			assert.Equal(t, got, want)
		})
	}
}

func TestTheCommandLineIsAnsweredInFull(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args           string
		code           int
		ok             bool
		stdout, stderr string
	}{
		{"a", Done, true, "", ""},
		{"-help", Done, false, "the help\n", ""},
		{"a -h", Done, false, "the help\n", ""},
		{"", Usage, false, "", "prog: an operand is missing\nTry prog -help.\n"},
		{"a b", Usage, false, "", "prog: unexpected operand \"b\"\nTry prog -help.\n"},
		{"a -x", Usage, false, "", "prog: flag provided but not defined: -x\nTry prog -help.\n"},
	} {
		var stdout, stderr bytes.Buffer
		_, code, ok := New("prog", "the help\n", &stdout, &stderr).Operands(strings.Fields(c.args), 1, 1)
		assert.Equal(t, code, c.code, c.args)
		assert.Equal(t, ok, c.ok, c.args)
		assert.Equal(t, stdout.String(), c.stdout)
		assert.Equal(t, stderr.String(), c.stderr)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("a -o x b -- -v")
	f.Fuzz(func(t *testing.T, line string) {
		set := flag.NewFlagSet("test", flag.ContinueOnError)
		set.SetOutput(&bytes.Buffer{})
		set.String("o", "", "")
		args := strings.Fields(line)
		operands, err := Parse(set, args)
		if err == nil && len(operands) > len(args) || err != nil && errors.Is(err, flag.ErrHelp) && !strings.Contains(line, "h") {
			t.Fatal(operands, err)
		}
	})
}

// Command ovfgen makes provisioning discs from specs, and reads them back.
package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/waagent-go/waagent/cmd/internal/flags"
	"github.com/waagent-go/waagent/ovfgen"
	"github.com/waagent-go/waagent/ovfgen/specfile"
)

//go:embed help.txt
var help string

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// options are the command line.
type options struct {
	output      string
	format      string
	label       string
	showSecrets bool
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var o options
	set := flags.New("ovfgen", help, stdout, stderr)
	set.StringVar(&o.output, "o", "", "")
	set.StringVar(&o.format, "format", "", "")
	set.StringVar(&o.label, "label", "", "")
	set.BoolVar(&o.showSecrets, "show-secrets", false, "")
	operands, code, ok := set.Operands(args, 1, 2)
	if !ok {
		return code
	}
	act, err := o.choose(operands)
	if err != nil {
		return set.Fail(err)
	}
	if err := act(stdin, stdout); err != nil {
		fmt.Fprintln(stderr, "ovfgen:", err)
		return flags.No
	}
	return flags.Done
}

// choose finds what the command line asks for, or what is wrong with it.
func (o options) choose(operands []string) (func(io.Reader, io.Writer) error, error) {
	making := o.output != "" || o.format != "" || o.label != ""
	switch first := operands[0]; {
	case first == "inspect" && len(operands) == 2 && !making:
		return func(stdin io.Reader, stdout io.Writer) error {
			return inspect(operands[1], o.showSecrets, stdin, stdout)
		}, nil
	case first == "inspect":
		return nil, errors.New("inspect takes one disc, and no flag but -show-secrets")
	case first == "example" && (making || o.showSecrets || len(operands) > 1):
		return nil, errors.New("example takes nothing")
	case first == "example":
		return func(_ io.Reader, stdout io.Writer) error {
			_, err := io.WriteString(stdout, ovfgen.Example)
			return err
		}, nil
	case len(operands) > 1:
		return nil, fmt.Errorf("unexpected operand %q", operands[1])
	case o.showSecrets:
		return nil, errors.New("-show-secrets belongs to inspect")
	case o.output == "":
		return nil, errors.New("where to? -o names the image")
	}
	return func(stdin io.Reader, stdout io.Writer) error { return o.write(operands[0], stdin, stdout) }, nil
}

// write makes the image of the spec in path.
func (o options) write(path string, stdin io.Reader, stdout io.Writer) error {
	text, err := readAll(path, stdin)
	if err != nil {
		return err
	}
	spec, err := ovfgen.Parse(text)
	if err != nil {
		return specfile.In(path, err)
	}
	if o.format != "" {
		spec.Format = ovfgen.Format(o.format)
	}
	if o.label != "" {
		spec.Label = o.label
	}
	if o.output == "-" {
		return ovfgen.Write(stdout, spec)
	}
	return writeFile(o.output, func(w io.Writer) error { return ovfgen.Write(w, spec) })
}

// writeFile replaces path with what write writes, all or nothing. Only its owner may read it: there are passwords on
// such a disc.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // nothing left to remove once renamed
	if err := errors.Join(write(f), f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func readAll(path string, stdin io.Reader) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(path)
}

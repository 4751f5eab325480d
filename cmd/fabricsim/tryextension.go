package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/waagent-go/waagent/cmd/internal/flags"
	"github.com/waagent-go/waagent/fabricsim/tryextension"
	"github.com/waagent-go/waagent/images"
	"github.com/waagent-go/waagent/scenarios"
)

//go:embed help/try-extension.txt
var tryHelp string

// tryOptions are the command line of try-extension.
type tryOptions struct {
	settings, protected, update string
	image, driver, bin, keep    string
	checkOnly                   bool
}

func tryExtension(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o tryOptions
	set := flags.New("fabricsim try-extension", tryHelp, stdout, stderr)
	set.StringVar(&o.settings, "settings", "", "")
	set.StringVar(&o.protected, "protected", "", "")
	set.StringVar(&o.update, "update", "", "")
	set.StringVar(&o.image, "image", scenarios.DefaultImage, "")
	set.StringVar(&o.driver, "driver", "container", "")
	set.StringVar(&o.bin, "bin", "", "")
	set.StringVar(&o.keep, "keep", filepath.Join("out", "try-extension"), "")
	set.BoolVar(&o.checkOnly, "check-only", false, "")
	operands, code, ok := set.Operands(args, 1, 1)
	if !ok {
		return code
	}
	if err := o.validate(); err != nil {
		fmt.Fprintln(stderr, "fabricsim:", err)
		return flags.Usage
	}
	trial, err := o.trial(operands[0])
	if err != nil {
		fmt.Fprintln(stderr, "fabricsim:", err)
		return flags.No
	}
	if !o.check(stdout, operands[0], trial.Package, o.update, trial.Update) {
		return flags.No
	}
	if err := trial.Check(); err != nil {
		fmt.Fprintln(stderr, "fabricsim:", err)
		return flags.No
	}
	if o.checkOnly {
		return flags.Done
	}
	return o.run(ctx, trial, stdout, stderr)
}

// validate says which option has a value that it cannot have.
func (o tryOptions) validate() error {
	if o.driver != "container" && o.driver != "qemu" {
		return fmt.Errorf("-driver %q: want container or qemu", o.driver)
	}
	catalog, err := images.Load()
	if err != nil {
		return err
	}
	if _, err := catalog.Image(o.image); err != nil {
		return fmt.Errorf("-image: %w", err)
	}
	return nil
}

// count says how many findings there are.
func count(findings []tryextension.Finding) string {
	switch len(findings) {
	case 0:
		return "no findings"
	case 1:
		return "1 finding"
	}
	return fmt.Sprintf("%d findings", len(findings))
}

// check shows what is found in the packages, and says whether they can be tried.
func (o tryOptions) check(stdout io.Writer, name string, archive []byte, newer string, update []byte) bool {
	good := true
	for _, p := range []struct {
		name    string
		archive []byte
	}{{name, archive}, {newer, update}} {
		if p.archive == nil {
			continue
		}
		findings := tryextension.Check(p.archive)
		for _, f := range findings {
			f.File = cmp.Or(f.File, p.name)
			fmt.Fprintln(stdout, f)
		}
		fmt.Fprintf(stdout, "%s: %s\n", p.name, count(findings))
		good = good && !tryextension.Failed(findings)
	}
	return good
}

func (o tryOptions) run(ctx context.Context, trial tryextension.Trial, stdout, stderr io.Writer) int {
	programs, err := scenarios.ProgramsIn(o.bin)
	if err != nil {
		fmt.Fprintln(stderr, "fabricsim:", err)
		return flags.CannotGo
	}
	v, err := scenarios.Trial{
		Driver: o.driver, Image: o.image, Programs: programs, Extension: trial, Keep: o.keep, Out: stdout,
	}.Run(ctx)
	var missing *images.Unavailable
	switch {
	case errors.As(err, &missing):
		fmt.Fprintln(stderr, "fabricsim:", err)
		return flags.CannotGo
	case err != nil:
		fmt.Fprintln(stderr, "fabricsim:", err)
		return flags.No
	}
	if err := v.Write(stdout); err != nil {
		return flags.Internal
	}
	fmt.Fprintf(stdout, "Logs: %s\n", o.keep)
	if !v.OK() {
		return flags.No
	}
	return flags.Done
}

// trial reads the files that the command line names.
func (o tryOptions) trial(name string) (t tryextension.Trial, err error) {
	if t.Package, err = readPackage(name); err != nil {
		return t, err
	}
	if o.update != "" {
		if t.Update, err = readPackage(o.update); err != nil {
			return t, err
		}
	}
	if t.Public, err = readSettings(o.settings); err != nil {
		return t, err
	}
	t.Protected, err = readSettings(o.protected)
	return t, err
}

// readPackage reads a zip, or zips a folder.
func readPackage(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return tryextension.Pack(os.DirFS(name))
	}
	return os.ReadFile(name)
}

func readSettings(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // editors on Windows write it
	var object map[string]json.RawMessage
	err = json.Unmarshal(data, &object)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		line := 1 + bytes.Count(data[:min(int(syntax.Offset), len(data))], []byte("\n"))
		return "", fmt.Errorf("%s:%d: %w", name, line, err)
	case err != nil || object == nil:
		return "", fmt.Errorf("%s: settings are a JSON object, {...}, and nothing else", name)
	}
	return string(data), nil
}

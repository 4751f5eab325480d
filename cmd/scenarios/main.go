// Command scenarios boots guests into a simulated fabric and plays scripts against them.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/waagent-go/waagent/cmd/internal/flags"
	"github.com/waagent-go/waagent/images"
	"github.com/waagent-go/waagent/scenarios"
)

//go:embed help.txt
var help string

func main() {
	if code, mine := scenarios.Reexec(os.Args[1:]); mine {
		os.Exit(code)
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// options are the command line.
type options struct {
	driver, image, bin, out string
}

func run(args []string, stdout, stderr io.Writer) int {
	var o options
	set := flags.New("scenarios", help, stdout, stderr)
	set.StringVar(&o.driver, "driver", "", "")
	set.StringVar(&o.image, "image", scenarios.DefaultImage, "")
	set.StringVar(&o.bin, "bin", "", "")
	set.StringVar(&o.out, "out", "out", "")
	operands, code, ok := set.Operands(args, 1, -1)
	if !ok {
		return code
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	act, err := o.choose(operands)
	if err != nil {
		return set.Fail(err)
	}
	return exitCode(act(ctx, stdout), stderr)
}

func (o options) choose(operands []string) (func(context.Context, io.Writer) error, error) {
	switch rest := operands[1:]; operands[0] {
	case "demo":
		if len(rest) > 0 {
			return nil, errors.New("demo takes flags only")
		}
		return o.demo, nil
	case "run":
		if len(rest) == 0 {
			return nil, errors.New("run takes the files of the scripts to play")
		}
		return func(ctx context.Context, stdout io.Writer) error { return o.play(ctx, stdout, rest) }, nil
	case "list":
		return func(_ context.Context, stdout io.Writer) error { return o.list(stdout, rest) }, nil
	}
	return nil, fmt.Errorf("unknown command %q", operands[0])
}

func (o options) demo(ctx context.Context, stdout io.Writer) error {
	programs, err := scenarios.ProgramsIn(o.bin)
	if err != nil {
		return err
	}
	driver := o.driver
	if driver == "" {
		driver = "container"
	}
	return scenarios.Demo{Driver: driver, Image: o.image, Programs: programs, Out: stdout}.Run(ctx)
}

// errScripts is a run in which scripts failed; each has said so.
var errScripts = errors.New("not every script passed")

func (o options) play(ctx context.Context, stdout io.Writer, files []string) error {
	programs, err := scenarios.ProgramsIn(o.bin)
	if err != nil {
		return err
	}
	choice := scenarios.Choice{Driver: o.driver, Image: o.image}
	r := &scenarios.Runner{Programs: programs, Keep: o.out, Verbose: stdout, Progress: func(line string) { fmt.Fprintln(stdout, line) }}
	passed, err := scenarios.Play(ctx, r, files, choice, stdout)
	if err == nil && !passed {
		err = errScripts
	}
	return err
}

func (o options) list(stdout io.Writer, files []string) error {
	for _, file := range files {
		all, err := scenarios.Load(file, scenarios.Choice{Driver: o.driver, All: true})
		if err != nil {
			return err
		}
		for _, s := range all {
			fmt.Fprintf(stdout, "%-40s %s\n", s.Name(), s.Promise)
		}
	}
	return nil
}

func exitCode(err error, stderr io.Writer) int {
	var unavailable *images.Unavailable
	switch {
	case err == nil:
		return flags.Done
	case errors.As(err, &unavailable):
		fmt.Fprintln(stderr, "scenarios: SKIP", err)
		return flags.CannotGo
	}
	fmt.Fprintln(stderr, "scenarios:", err)
	return flags.No
}

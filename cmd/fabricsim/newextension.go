package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"path/filepath"

	"github.com/waagent-go/waagent/cmd/internal/flags"
	"github.com/waagent-go/waagent/fabricsim/tryextension"
)

//go:embed help/new-extension.txt
var newHelp string

func newExtension(_ context.Context, args []string, stdout, stderr io.Writer) int {
	set := flags.New("fabricsim new-extension", newHelp, stdout, stderr)
	operands, code, ok := set.Operands(args, 1, 1)
	if !ok {
		return code
	}
	names, err := tryextension.New(operands[0])
	if err != nil {
		fmt.Fprintln(stderr, "fabricsim:", err)
		return flags.No
	}
	for _, name := range names {
		fmt.Fprintln(stdout, filepath.Join(operands[0], name))
	}
	fmt.Fprintf(stdout, "Try it: fabricsim try-extension %s\n", operands[0])
	return flags.Done
}

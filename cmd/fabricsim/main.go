// Command fabricsim is the Azure fabric as a VM sees it, in one process, without root.
package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/waagent-go/waagent/cmd/internal/flags"
)

//go:embed help/fabricsim.txt
var help string

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// command is one of the words that may follow fabricsim.
type command struct {
	name string
	run  func(ctx context.Context, args []string, stdout, stderr io.Writer) int
}

// commands are all of them; each stands in a file of its own, with its help in help/.
func commands() []command {
	return []command{
		{"serve", serve},
		{"new-extension", newExtension},
		{"try-extension", tryExtension},
	}
}

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if len(args) == 0 {
		fmt.Fprint(stderr, help)
		return flags.Usage
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:], stdout, stderr)
		}
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, help)
		return flags.Done
	}
	fmt.Fprintf(stderr, "fabricsim: there is no command %q\nTry fabricsim -help.\n", args[0])
	return flags.Usage
}

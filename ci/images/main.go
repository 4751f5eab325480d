// Command images builds the container images that scenarios boot, so that a later run finds them in the cache.
//
//	images [id[/variant]...]
//
// Without arguments it makes the plain image of everything in the catalog. What cannot be had here is a line that
// starts with SKIP. Exit codes: 0 done, 1 an image that was named cannot be had, 4 building one failed.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/waagent-go/waagent/images"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout))
}

func run(ctx context.Context, args []string, out io.Writer) int {
	names, err := wanted(args)
	if err != nil {
		fmt.Fprintln(out, "images:", err)
		return 4
	}
	code := 0
	start := time.Now()
	progress := func(line string) { fmt.Fprintf(out, "%7.1fs  %s\n", time.Since(start).Seconds(), line) }
	for _, name := range names {
		id, variant, _ := strings.Cut(name, "/")
		if variant == "" {
			variant = string(images.Plain)
		}
		ref, err := images.Container(ctx, id, images.Variant(variant), progress)
		var unavailable *images.Unavailable
		switch {
		case errors.As(err, &unavailable):
			fmt.Fprintln(out, "SKIP", err)
			if len(args) > 0 {
				code = max(code, 1)
			}
		case err != nil:
			fmt.Fprintln(out, "images:", err)
			code = 4
		default:
			progress("have " + ref)
		}
	}
	return code
}

// wanted is what was asked for, or everything.
func wanted(args []string) ([]string, error) {
	if len(args) > 0 {
		return args, nil
	}
	c, err := images.Load()
	var ids []string
	for _, i := range c.Images {
		ids = append(ids, i.ID)
	}
	return ids, err
}

// Command images builds the images that scenarios boot, so that a later run finds them in the cache.
//
//	images [id[/variant]...]
//
// Without arguments it makes the plain image of everything in the catalog, as a container and as a virtual machine.
// What cannot be had here is a line that starts with SKIP. Exit codes: 0 done, 1 an image that was named cannot be had,
// 4 building one failed.
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
		err := both(ctx, id, images.Variant(variant), progress)
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
		}
	}
	return code
}

// both makes the two forms of an image. A machine without a container engine still gets the other one.
func both(ctx context.Context, id string, v images.Variant, progress images.Progress) error {
	ref, err := images.Container(ctx, id, v, progress)
	if err == nil {
		progress("have container image " + ref)
	}
	vm, vmErr := images.VM(ctx, id, v, progress)
	if vmErr == nil {
		progress("have VM image " + vm.Disk)
	}
	if err != nil && vmErr != nil && err.Error() == vmErr.Error() {
		return err
	}
	return errors.Join(err, vmErr)
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

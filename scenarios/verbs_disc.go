package scenarios

import (
	"context"
	"fmt"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/waagent-go/waagent/scenarios/machine"
)

// inserter is a guest whose drive takes another disc.
type inserter interface {
	Insert(ctx context.Context, image string) error
}

// discVerb puts another provisioning DVD, written from the spec of a file, into the guest's drive.
func discVerb(ctx context.Context, w *world, _ *testscript.TestScript, args []string) (*machine.Result, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("usage: disc spec.yaml")
	}
	if err := w.booted(); err != nil {
		return nil, err
	}
	drive, ok := w.machine.(inserter)
	if !ok {
		return nil, fmt.Errorf("disc: %w", machine.ErrUnsupported)
	}
	if err := w.readSpec(args[0]); err != nil {
		return nil, err
	}
	image, err := w.disc(args[0])
	if err != nil {
		return nil, err
	}
	return nil, drive.Insert(ctx, image)
}

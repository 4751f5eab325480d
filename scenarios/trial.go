package scenarios

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/waagent-go/waagent/fabricsim/goal"
	"github.com/waagent-go/waagent/fabricsim/tryextension"
	"github.com/waagent-go/waagent/images"
	"github.com/waagent-go/waagent/ovfgen"
)

// Trial plays the life of an author's extension on a guest of its own.
type Trial struct {
	Driver, Image string
	Programs      Programs
	Extension     tryextension.Trial // Fabric, Guest, VM and Out are filled in
	Keep          string             // folder for the logs of guest and fabric
	Out           io.Writer
}

// Run boots the guest, plays, keeps the logs, and takes everything down again.
func (t Trial) Run(ctx context.Context) (v tryextension.Verdict, err error) {
	open, ok := openers[t.Driver]
	if !ok {
		return v, fmt.Errorf("driver %q: want %s", t.Driver, strings.Join(Drivers, ", "))
	}
	dir, err := os.MkdirTemp("", "trial-")
	if err != nil {
		return v, err
	}
	defer os.RemoveAll(dir)
	timeline := NewTimeline(t.Out)
	w, err := newWorld(nil, Pair{Driver: t.Driver, Image: t.Image}, Surroundings{
		Programs: t.Programs, Dir: dir, Timeline: timeline, Progress: images.Progress(func(line string) { timeline.Say("image: %s", line) }),
	}, open, dir)
	if err != nil {
		return v, err
	}
	defer func() {
		if cerr := w.close(ctx); err == nil {
			err = cerr
		}
	}()
	if err := t.ready(ctx, w); err != nil {
		return v, err
	}
	t.Extension.Fabric, t.Extension.Guest, t.Extension.VM, t.Extension.Out = w.fabric, w.machine, w.id, t.Out
	v, err = t.Extension.Run(ctx)
	if kerr := w.keep(ctx, t.Keep); err == nil {
		err = kerr
	}
	return v, err
}

// ready boots a guest with nothing wanted of it, and waits until it is Ready.
func (t Trial) ready(ctx context.Context, w *world) error {
	spec, err := ovfgen.Parse([]byte("hostname: trial\nuser: azureuser\nssh_key: generated\n"))
	if err != nil {
		return err
	}
	w.spec = spec.WithGeneratedKey(w.key.Public)
	if w.vm, err = ParseVM(nil); err != nil {
		return err
	}
	if err := w.introduce(ctx); err != nil {
		return err
	}
	if _, err := w.fabric.SetGoalState(ctx, w.id, goal.State{}); err != nil {
		return err
	}
	if err := w.bootDescribed(ctx); err != nil {
		return err
	}
	c, err := w.condition([]string{"ready"})
	if err != nil {
		return err
	}
	if err := w.until(ctx, 5*time.Minute, "ready", c); err != nil {
		Demo{Out: t.Out}.explain(ctx, w)
		return err
	}
	return nil
}

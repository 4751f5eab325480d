package scenarios

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/waagent-go/waagent/fabricsim/goal"
	"github.com/waagent-go/waagent/images"
	"github.com/waagent-go/waagent/ovfgen"
)

//go:embed demo
var demoFiles embed.FS

// Demo boots one guest and shows what happens to it.
type Demo struct {
	Driver, Image string
	Programs      Programs
	Out           io.Writer
}

// ErrNotReady is a guest that did not become what it should; its reason has been shown.
var ErrNotReady = errors.New("the guest did not become Ready with its extension enabled")

const demoLimit = 5 * time.Minute

// Run boots the guest, prints a timeline as things happen, logs into it and takes everything down again.
func (d Demo) Run(ctx context.Context) (err error) {
	open, ok := openers[d.Driver]
	if !ok {
		return fmt.Errorf("driver %q: want %s", d.Driver, strings.Join(Drivers, ", "))
	}
	ctx, cancel := context.WithTimeout(ctx, demoLimit+20*time.Minute) // the first image takes its time
	defer cancel()
	dir, err := os.MkdirTemp("", "scenario-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	timeline := NewTimeline(d.Out)
	w, err := newWorld(nil, Pair{Driver: d.Driver, Image: d.Image}, Surroundings{
		Programs: d.Programs, Dir: dir, Timeline: timeline, Progress: images.Progress(func(line string) { timeline.Say("image: %s", line) }),
	}, open, dir)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := w.close(ctx); err == nil {
			err = cerr
		}
	}()
	if err := d.prepare(ctx, w); err != nil {
		return err
	}
	return d.play(ctx, w)
}

// prepare makes the fabric, what it wants, and the image, before the clock that matters starts.
func (d Demo) prepare(ctx context.Context, w *world) error {
	files, err := fs.Sub(demoFiles, "demo")
	if err != nil {
		return err
	}
	spec, err := fs.ReadFile(files, "provision.yaml")
	if err != nil {
		return err
	}
	if w.spec, err = ovfgen.Parse(spec); err != nil {
		return err
	}
	w.spec = w.spec.WithGeneratedKey(w.key.Public)
	if w.vm, err = ParseVM(nil); err != nil {
		return err
	}
	if err := w.introduce(ctx); err != nil {
		return err
	}
	state, err := goal.Load(files, "hello.yaml")
	if err != nil {
		return err
	}
	_, err = w.fabric.SetGoalState(ctx, w.id, state)
	return err
}

// play boots and watches.
func (d Demo) play(ctx context.Context, w *world) error {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	go w.followFabric(watching)
	if err := w.bootDescribed(ctx); err != nil {
		return err
	}
	go w.followAgent(watching)
	for _, wait := range [][]string{{"ready"}, {"extension", "Contoso.Hello", "success"}} {
		c, err := w.condition(wait)
		if err != nil {
			return err
		}
		if err := w.until(ctx, demoLimit, strings.Join(wait, " "), c); err != nil {
			d.explain(ctx, w)
			return fmt.Errorf("%w: %w", ErrNotReady, err)
		}
	}
	w.timeline.Say("status received: Contoso.Hello success")
	stop()
	return d.visit(ctx, w)
}

// visit logs into the guest and looks around.
func (d Demo) visit(ctx context.Context, w *world) error {
	if d.Driver == "loopback" {
		for _, file := range []string{"/etc/hostname", "/etc/passwd", "/etc/sudoers.d/waagent", "/home/azureuser/.ssh/authorized_keys"} {
			data, err := w.machine.ReadFile(ctx, file)
			if err != nil {
				return err
			}
			fmt.Fprintf(d.Out, "\n%s:\n%s", file, indent(data))
		}
		return nil
	}
	w.timeline.Say("log in: ssh -i generated-key %s@%s", w.spec.User, w.spec.Hostname)
	for _, argv := range [][]string{{"id"}, {"hostname"}, {"findmnt", "--real"}} {
		r, err := sshRun(ctx, w.machine, login{user: w.spec.User, key: w.key.signer}, argv)
		if err != nil {
			return err
		}
		fmt.Fprintf(d.Out, "\n$ %s\n%s%s", strings.Join(argv, " "), r.Stdout, r.Stderr)
		if r.ExitCode != 0 {
			return fmt.Errorf("%s: exit code %d", argv[0], r.ExitCode)
		}
	}
	fmt.Fprintln(d.Out)
	w.timeline.Say("done")
	return nil
}

// explain shows why a guest is not what it should be.
func (d Demo) explain(ctx context.Context, w *world) {
	if log, err := w.agentLog(ctx); err == nil {
		fmt.Fprintf(d.Out, "\nThe agent's log ends with:\n%s\n", lastLines(log, 30))
	}
	fmt.Fprintf(d.Out, "\nThe console ends with:\n%s\n", lastLines(w.machine.Console(), 20))
}

func indent(data []byte) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(string(data), "\n"), "\n", "\n    ") + "\n"
}

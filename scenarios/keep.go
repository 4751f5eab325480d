package scenarios

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/waagent-go/waagent/images"
	"github.com/waagent-go/waagent/scenarios/machine"
	"github.com/waagent-go/waagent/scenarios/report"
)

// observer stands between testscript and the test, to learn how the script ended and what it said.
type observer struct {
	testscript.T
	result *report.Result
}

func (o *observer) Run(name string, f func(t testscript.T)) { f(o) }

func (o *observer) Log(args ...any) {
	said := withoutEnvironment(text(args))
	if o.result.Outcome != report.Skipped { // why is what counts then, and the story so far comes after it
		o.result.Detail += said + "\n"
	}
	o.T.Log(said)
}

// withoutEnvironment takes off the variables that testscript begins a script's log with. No script reads them, and what
// a pipeline shows of a long log is its beginning.
func withoutEnvironment(log string) string {
	if _, story, ok := strings.Cut(log, "\n\n"); ok && strings.HasPrefix(log, "WORK=") {
		return story
	}
	return log
}

// text joins what a testing.T is given to say.
func text(args []any) string {
	var b strings.Builder
	for _, a := range args {
		switch a := a.(type) {
		case string:
			b.WriteString(a)
		case error:
			b.WriteString(a.Error())
		}
	}
	return b.String()
}

func (o *observer) FailNow()          { o.result.Outcome = report.Failed; o.T.FailNow() }
func (o *observer) Fatal(args ...any) { o.result.Outcome = report.Failed; o.T.Fatal(args...) }

func (o *observer) Skip(args ...any) {
	o.result.Outcome, o.result.Detail = report.Skipped, text(args)
	o.T.Skip(args...)
}

// Parallel is not for scenarios: a machine with two cores runs them one after another.
func (o *observer) Parallel() {}

// unavailable is the reason if err says that an image cannot be had here.
func unavailable(err error) (string, bool) {
	var u *images.Unavailable
	if errors.As(err, &u) {
		return u.Error(), true
	}
	return "", false
}

// keep saves what helps to understand a failure: console, logs, the fabric's journal and its view of the VM.
func (w *world) keep(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	save := func(name string, data []byte) error {
		if len(data) == 0 {
			return nil
		}
		return os.WriteFile(filepath.Join(dir, name), data, 0o644)
	}
	var errs []error
	if w.machine != nil {
		errs = append(errs, save("console.log", w.machine.Console()))
		if log, err := w.agentLog(ctx); err == nil {
			errs = append(errs, save("waagent.log", log))
		}
		for name, argv := range map[string][]string{
			"journal.log":     {"journalctl", "--no-pager", "-b"},
			"lib-waagent.txt": {"ls", "-laR", "/var/lib/waagent"},
			"cloud-init.log":  {"cat", "/var/log/cloud-init.log"},
		} {
			if r, err := w.machine.Exec(ctx, machine.Command{Argv: argv}); err == nil && r.ExitCode == 0 {
				errs = append(errs, save(name, r.Stdout))
			}
		}
		if r, err := w.machine.Exec(ctx, machine.Command{Argv: []string{"tar", "-C", "/var/log", "-cf", "-", "azure"}}); err == nil {
			errs = append(errs, untar(r.Stdout, dir))
		}
	}
	if w.fabric != nil {
		errs = append(errs, w.keepFabric(ctx, save))
	}
	errs = append(errs, w.eachOther(func(o *world) error { return o.keep(ctx, filepath.Join(dir, o.name)) }))
	return errors.Join(errs...)
}

// untar writes the files of an archive below dir, and nothing outside of it.
func untar(archive []byte, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // a guest that dies keeps what it has sent
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if err := root.MkdirAll(path.Dir(h.Name), 0o755); err != nil {
			return err
		}
		if err := root.WriteFile(h.Name, data, 0o644); err != nil {
			return err
		}
	}
}

func (w *world) keepFabric(ctx context.Context, save func(string, []byte) error) error {
	var errs []error
	if entries, err := w.entries(ctx); err == nil {
		var b strings.Builder
		for _, e := range entries {
			b.WriteString(e.Time.UTC().Format("15:04:05.000 ") + journalLine(e) + "\n")
		}
		errs = append(errs, save("fabric-journal.log", []byte(b.String())))
	}
	if vm, err := w.fabric.VM(ctx, w.id); err == nil {
		text, err := json.MarshalIndent(vm, "", "  ")
		errs = append(errs, err, save("fabric-vm.json", text))
	}
	return errors.Join(errs...)
}

// Package bootline edits the options that the boot loader passes to the kernel. Which loader there is, is asked of the
// machine's files and not of its name; several may be there, and then each is told. Every file is kept as it was, once,
// beside itself, and doing the same twice changes nothing.
package bootline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"slices"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/machine"
)

// ErrNoLoader means that no file of a known boot loader was found.
var ErrNoLoader = errors.New("no boot loader that is known")

// backupSuffix marks the file as it was before the first edit.
const backupSuffix = ".waagent-backup"

// Machine is what editing asks of the machine; a root that does not run has none.
type Machine interface {
	Run(ctx context.Context, c machine.Command) (machine.Result, error)
	Has(program string) bool
}

// Editor edits the boot loaders below a root.
type Editor struct {
	Files   host.Files
	Machine Machine // nil: the root does not run, and no tool of a loader's can either
	Log     *slog.Logger
	// Variable is the one of /etc/default/grub that the distribution uses, with its equals sign; "" chooses.
	Variable string
}

// Add adds those options that are missing. It reports which files it changed.
func (e Editor) Add(ctx context.Context, options ...string) ([]string, error) {
	return e.each(ctx, options, func(words []string) []string { return add(words, options) }, "--args=")
}

// Remove takes options away.
func (e Editor) Remove(ctx context.Context, options ...string) ([]string, error) {
	return e.each(ctx, options, func(words []string) []string {
		return slices.DeleteFunc(slices.Clone(words), func(w string) bool { return slices.Contains(options, w) })
	}, "--remove-args=")
}

func add(words, options []string) []string {
	words = slices.Clone(words)
	for _, o := range options {
		if !slices.ContainsFunc(words, func(w string) bool { return w == o || strings.HasPrefix(w, o+",") }) {
			words = append(words, o)
		}
	}
	return words
}

func (e Editor) each(ctx context.Context, options []string, change func([]string) []string, grubbyFlag string) ([]string, error) {
	var changed []string
	found := false
	for _, l := range e.loaders() {
		for _, name := range l.files {
			found = true
			ok, err := e.edit(name, l.selector, l.makeLine, change)
			if err != nil {
				return changed, fmt.Errorf("edit kernel options: %w", err)
			}
			if !ok {
				continue
			}
			changed = append(changed, name)
		}
		if len(l.update) > 0 && slices.ContainsFunc(l.files, func(f string) bool { return slices.Contains(changed, f) }) {
			e.run(ctx, l.update)
		}
	}
	if e.Machine != nil && len(e.entries()) > 0 && e.Machine.Has("grubby") { // it knows entries that are not files
		e.run(ctx, []string{"grubby", "--update-kernel=ALL", grubbyFlag + strings.Join(options, " ")})
	}
	if !found {
		return nil, ErrNoLoader
	}
	return changed, ctx.Err()
}

func (e Editor) run(ctx context.Context, argv []string) {
	if _, err := e.Machine.Run(ctx, machine.Command{Argv: argv}); err != nil && ctx.Err() == nil {
		e.Log.Warn("The boot loader's tool failed; the options are in its files", "command", argv[0], "error", err.Error())
	}
}

// edit changes the options on all lines that begin with selector.
func (e Editor) edit(name, selector string, makeLine bool, change func([]string) []string) (bool, error) {
	old, err := e.Files.ReadFile(name)
	if err != nil {
		return false, err
	}
	text := edit(string(old), selector, makeLine, change)
	if text == string(old) {
		return false, nil
	}
	if backup := name + backupSuffix; !e.Files.Exists(backup) {
		info, err := e.Files.Stat(name)
		if err != nil {
			return false, err
		}
		if err := e.Files.WriteAtomic(backup, old, info.Mode().Perm()); err != nil && !errors.Is(err, fs.ErrExist) {
			return false, err
		}
	}
	if err := e.Files.Rewrite(name, []byte(text), 0o644); err != nil {
		return false, err
	}
	e.Log.Info("Changed the kernel's options", "file", name, "backup", path.Base(name)+backupSuffix)
	return true, nil
}

// edit is the pure part. A line is the selector, perhaps a quote, words, and the quote again.
func edit(text, selector string, makeLine bool, change func([]string) []string) string {
	lines := strings.Split(text, "\n")
	found := false
	for i, line := range lines {
		rest, ok := strings.CutPrefix(strings.TrimLeft(line, " \t"), selector)
		if !ok || selector == "" && strings.TrimSpace(line) == "" {
			continue
		}
		found = true
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		lead := rest[:len(rest)-len(strings.TrimLeft(rest, " \t"))]
		body, quote, tail := unquote(rest[len(lead):])
		words := strings.Fields(body)
		if after := change(words); !slices.Equal(after, words) {
			if quote == "" && strings.HasSuffix(selector, "=") && len(after) > 1 {
				quote = `"`
			}
			lines[i] = indent + selector + lead + quote + strings.Join(after, " ") + quote + tail
		}
	}
	if words := change(nil); !found && makeLine && len(words) > 0 {
		end := len(lines)
		if lines[end-1] == "" {
			end--
		}
		lines = slices.Insert(lines, end, selector+`"`+strings.Join(words, " ")+`"`)
		if end == len(lines)-1 {
			lines = append(lines, "")
		}
	}
	return strings.Join(lines, "\n")
}

// unquote splits what follows the selector; a comment after the closing quote is the tail.
func unquote(s string) (body, quote, tail string) {
	if s == "" || s[0] != '"' && s[0] != '\'' {
		return s, "", ""
	}
	quote = s[:1]
	end := strings.LastIndex(s[1:], quote)
	if end < 0 {
		return s, "", "" // an open quote: whatever that means, it is not ours to mend
	}
	return s[1 : 1+end], quote, s[1+end+1:]
}

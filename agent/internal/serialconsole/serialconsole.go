// Package serialconsole adds the serial console to the kernel's options, so that the platform can show a machine's boot.
// It edits the boot loader's file and has the loader's own tool do the rest; doing it twice changes nothing.
package serialconsole

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/distro"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/machine"
)

// Machine is what the console asks of the machine.
type Machine interface {
	Run(ctx context.Context, c machine.Command) (machine.Result, error)
	Has(program string) bool
}

// Options are the kernel's for an architecture, in Go's name for it.
func Options(arch string) string {
	if arch == "arm64" {
		return "console=ttyAMA0 earlycon=pl011,0xeffec000"
	}
	return "console=ttyS0 earlyprintk=ttyS0"
}

// Enable adds options to every line of the boot loader's file that holds kernel options, and has the loader take note.
func Enable(ctx context.Context, files host.Files, m Machine, family distro.Family, options string, log *slog.Logger) error {
	grub := family.Grub
	if grub.File == "" {
		return fmt.Errorf("the boot loader of %s is not known", family.Name)
	}
	old, err := files.ReadFile(grub.File)
	if err != nil {
		return fmt.Errorf("configure the kernel's serial console: %w", err)
	}
	text, changed := edit(string(old), grub.Selector, options)
	if !changed {
		log.Info("The kernel has its serial console already", "file", grub.File)
		return nil
	}
	if err := files.Rewrite(grub.File, []byte(text), 0o644); err != nil {
		return fmt.Errorf("configure the kernel's serial console: %w", err)
	}
	log.Info("Configured the kernel to use a serial console", "file", grub.File, "options", options)
	for _, argv := range update(m, grub, options) {
		if _, err := m.Run(ctx, machine.Command{Argv: argv}); err != nil && ctx.Err() == nil {
			log.Warn("The boot loader did not take note", "command", argv[0], "error", err)
		}
	}
	return ctx.Err()
}

// update are the loader's own tools. Where kernels have entries of their own grubby is the one that edits them.
func update(m Machine, grub distro.Grub, options string) [][]string {
	var commands [][]string
	if grub.Update != nil {
		commands = append(commands, grub.Update)
	}
	if m.Has("grubby") {
		commands = append(commands, []string{"grubby", "--update-kernel=ALL", "--args=" + options})
	}
	return commands
}

// edit inserts options at the end of the lines that begin with selector, inside a closing quote.
func edit(text, selector, options string) (string, bool) {
	lines, changed, found := strings.Split(text, "\n"), false, false
	for i, line := range lines {
		if !strings.HasPrefix(strings.TrimLeft(line, " \t"), selector) {
			continue
		}
		found = true
		if !strings.Contains(line, options) {
			lines[i], changed = insert(line, options), true
		}
	}
	if found || !strings.HasSuffix(selector, "=") {
		return strings.Join(lines, "\n"), changed
	}
	return strings.TrimSuffix(text, "\n") + "\n" + selector + `"` + options + "\"\n", true
}

func insert(line, options string) string {
	line = strings.TrimRight(line, " \t\r")
	end := ""
	if n := len(line); n > 0 && (line[n-1] == '"' || line[n-1] == '\'') {
		line, end = line[:n-1], line[n-1:]
	}
	gap := " "
	if strings.HasSuffix(line, "=") || strings.HasSuffix(line, `="`) || strings.HasSuffix(line, "='") {
		gap = ""
	}
	return line + gap + options + end
}

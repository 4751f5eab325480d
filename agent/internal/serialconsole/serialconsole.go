// Package serialconsole adds the serial console to the kernel's options, so that the platform can show a machine's boot.
// It edits the boot loader's files and has the loader's own tool do the rest; doing it twice changes nothing, and every
// file is kept as it was beside itself.
package serialconsole

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/bootline"
	"github.com/waagent-go/waagent/agent/internal/host"
)

// Machine is what the console asks of the machine.
type Machine = bootline.Machine

// Options are the kernel's for an architecture, in Go's name for it.
func Options(arch string) string {
	if arch == "arm64" {
		return "console=ttyAMA0 earlycon=pl011,0xeffec000"
	}
	return "console=ttyS0 earlyprintk=ttyS0"
}

// bsdLines make FreeBSD's loader and kernel use the serial port beside the screen.
var bsdLines = []struct{ key, value string }{
	{"boot_multicons", "YES"}, {"boot_serial", "YES"}, {"comconsole_speed", "115200"}, {"console", "comconsole,vidconsole"},
}

// bsdLoader is FreeBSD's file of boot options.
const bsdLoader = "/boot/loader.conf"

// Enable adds options to the files of every boot loader that is there, and has the loaders take note. A failing tool of
// a loader's is a warning: the options are in its files.
func Enable(ctx context.Context, files host.Files, m Machine, options string, log *slog.Logger) error {
	if files.Exists(bsdLoader) {
		return enableBSD(files, log)
	}
	e := bootline.Editor{Files: files, Machine: m, Log: log}
	changed, err := e.Add(ctx, strings.Fields(options)...)
	if err != nil {
		return fmt.Errorf("configure the kernel's serial console: %w", err)
	}
	if len(changed) == 0 {
		log.Info("The kernel has its serial console already")
		return nil
	}
	log.Info("Configured the kernel to use a serial console", "files", strings.Join(changed, " "), "options", options)
	return nil
}

func enableBSD(files host.Files, log *slog.Logger) error {
	old, err := files.ReadFile(bsdLoader)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("configure the serial console: %w", err)
	}
	text := string(old)
	for _, l := range bsdLines {
		text = setVariable(text, l.key, l.value)
	}
	if text == string(old) {
		log.Info("The kernel has its serial console already", "file", bsdLoader)
		return nil
	}
	if backup := bsdLoader + ".waagent-backup"; old != nil && !files.Exists(backup) {
		if err := files.WriteAtomic(backup, old, 0o644); err != nil {
			return err
		}
	}
	if err := files.Rewrite(bsdLoader, []byte(text), 0o644); err != nil {
		return fmt.Errorf("configure the serial console: %w", err)
	}
	log.Info("Configured the kernel to use a serial console", "files", bsdLoader)
	return nil
}

// setVariable replaces the assignment of key, or appends one.
func setVariable(text, key, value string) string {
	want := key + `="` + value + `"`
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	found := false
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), key+"=") {
			lines[i], found = want, true
		}
	}
	if !found {
		if len(lines) == 1 && lines[0] == "" {
			lines = nil
		}
		lines = append(lines, want)
	}
	return strings.Join(lines, "\n") + "\n"
}

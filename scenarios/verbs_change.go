package scenarios

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"

	"github.com/waagent-go/waagent/scenarios/machine"
)

// changeFabric does what a fabric does by itself sooner or later: services that are away, a VM that is moved to another
// container, certificates that are renewed. It also shows the telemetry that arrived.
func (w *world) changeFabric(ctx context.Context, ts *testscript.TestScript, args []string) (*machine.Result, error) {
	takesOne := slices.Contains([]string{"cut", "restore", "change"}, args[0])
	if takesOne != (len(args) == 2) {
		return nil, fmt.Errorf("usage: fabric cut|restore surface, change file.yaml, rotate-certificates, new-container, events")
	}
	switch args[0] {
	case "cut", "restore":
		return nil, w.fabric.CutOff(ctx, args[1], args[0] == "cut")
	case "change":
		return nil, w.changeVM(ctx, ts.MkAbs(args[1]))
	case "rotate-certificates":
		return nil, w.fabric.RotateCertificates(ctx, w.id)
	case "new-container":
		return nil, w.fabric.Redeploy(ctx, w.id)
	}
	return w.showEvents(ctx)
}

// changeVM changes members of the VM's spec at the fabric, named as in goal.VM.
func (w *world) changeVM(ctx context.Context, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var changes map[string]any
	if err := yaml.Unmarshal(data, &changes); err != nil {
		return err
	}
	_, err = w.fabric.UpdateVM(ctx, w.id, changes)
	return err
}

// showEvents prints one line per telemetry event: provider, id, and its parameters by name.
func (w *world) showEvents(ctx context.Context) (*machine.Result, error) {
	lines, err := w.eventLines(ctx)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	return output(b.String()), nil
}

func (w *world) eventLines(ctx context.Context) ([]string, error) {
	events, err := w.fabric.Events(ctx, w.id, 1)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, e := range events {
		line := fmt.Sprintf("%s %s", e.Provider, e.ID)
		for _, name := range slices.Sorted(maps.Keys(e.Params)) {
			line += fmt.Sprintf(" %s=%q", name, e.Params[name])
		}
		lines = append(lines, line)
	}
	return lines, nil
}

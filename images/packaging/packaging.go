// Package packaging holds the files that are installed beside the agent's binary: unit, configuration, udev rules and
// log rotation, for each family of distributions. Packages are made from it, and drivers put it into guests.
package packaging

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"go.yaml.in/yaml/v3"
)

//go:embed families.yaml conf systemd init udev man waagent.logrotate
var files embed.FS

// Family is a row of families.yaml: what a distribution's package looks like.
type Family struct {
	Unit      string            `yaml:"unit"` // "" where systemd is not in charge
	Bin       string            `yaml:"bin"`
	ConfPath  string            `yaml:"conf_path"`
	Units     string            `yaml:"units"`
	Udev      string            `yaml:"udev"`
	Logrotate string            `yaml:"logrotate"`
	After     []string          `yaml:"after"`
	Slice     bool              `yaml:"slice"`
	Changes   map[string]string `yaml:"conf"`
	Lacks     []string          `yaml:"lacks"`
	Man       string            `yaml:"man"` // folder of section 8
	Service   string            `yaml:"service"`
	Scripts   []Script          `yaml:"init"` // where systemd is not in charge
}

// Script is a file of another service manager than systemd, made from a template.
type Script struct {
	From  string `yaml:"from"` // below init/, without its suffix
	To    string `yaml:"to"`
	Plain bool   `yaml:"plain"` // read, not run
}

// File is one file of an installation, by its absolute path in the guest.
type File struct {
	Path string
	Mode fs.FileMode
	Data []byte
	Link string // not "": a symbolic link with this target
}

type table struct {
	Defaults Family            `yaml:"defaults"`
	Families map[string]Family `yaml:"families"`
	Also     map[string]string `yaml:"also"`
}

// For finds the family that serves a distribution, by its own name or the id of its os-release.
func For(id string) (Family, error) {
	t, err := load()
	if err != nil {
		return Family{}, err
	}
	if other, ok := t.Also[id]; ok {
		id = other
	}
	f, ok := t.Families[id]
	if !ok {
		return Family{}, fmt.Errorf("no packaging for %q", id)
	}
	return f, nil
}

func load() (table, error) {
	var t table
	data, err := files.ReadFile("families.yaml")
	if err != nil {
		return t, err
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&t); err != nil {
		return t, fmt.Errorf("read families.yaml: %w", err)
	}
	return t, nil
}

// Binary is where the agent itself is installed.
func (f Family) Binary() string { return path.Join(f.Bin, "waagent") }

// Alias is the other name of the family's unit.
func (f Family) Alias() string {
	if f.Unit == "walinuxagent" {
		return "waagent"
	}
	return "walinuxagent"
}

// Names lists the families, sorted.
func Names() ([]string, error) {
	t, err := load()
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range t.Families {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

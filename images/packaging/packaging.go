// Package packaging holds the files that are installed beside the agent's binary: unit, configuration, udev rules and
// log rotation, for each family of distributions. Packages are made from it, and drivers put it into guests.
package packaging

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"text/template"

	"go.yaml.in/yaml/v3"
)

//go:embed families.yaml conf systemd udev waagent.logrotate
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

// Files lists everything but the binary: the shipped configuration, the unit (enabled), its alias, udev and logrotate.
func (f Family) Files() ([]File, error) {
	conf, err := f.Conf()
	if err != nil {
		return nil, err
	}
	all := []File{{Path: f.ConfPath, Mode: 0o644, Data: conf}}
	for _, add := range []func() ([]File, error){f.unitFiles, f.slices, f.udevRules, f.rotation} {
		more, err := add()
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

func (f Family) unitFiles() ([]File, error) {
	if f.Unit == "" {
		return nil, nil
	}
	t, err := template.ParseFS(files, "systemd/agent.service.tmpl")
	if err != nil {
		return nil, err
	}
	var unit bytes.Buffer
	if err := t.Execute(&unit, f); err != nil {
		return nil, fmt.Errorf("write the unit: %w", err)
	}
	at := path.Join(f.Units, f.Unit+".service")
	return []File{
		{Path: at, Mode: 0o644, Data: unit.Bytes()},
		// What `systemctl enable` makes of the [Install] section.
		{Path: "/etc/systemd/system/multi-user.target.wants/" + f.Unit + ".service", Link: at},
		{Path: "/etc/systemd/system/" + f.Alias() + ".service", Link: at},
	}, nil
}

func (f Family) slices() ([]File, error) {
	if !f.Slice {
		return nil, nil
	}
	return shipped(f.Units, "systemd/azure.slice", "systemd/azure-vmextensions.slice")
}

func (f Family) udevRules() ([]File, error) {
	if f.Udev == "" {
		return nil, nil
	}
	return shipped(f.Udev, "udev/66-azure-storage.rules", "udev/99-azure-product-uuid.rules")
}

func (f Family) rotation() ([]File, error) {
	if f.Logrotate == "" {
		return nil, nil
	}
	data, err := files.ReadFile("waagent.logrotate")
	return []File{{Path: f.Logrotate, Mode: 0o644, Data: data}}, err
}

func shipped(dir string, names ...string) ([]File, error) {
	var all []File
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		all = append(all, File{Path: path.Join(dir, path.Base(name)), Mode: 0o644, Data: data})
	}
	return all, nil
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

// Installation lists all files of an installed agent: the binary read from the host, and what its family ships with
// it, with some options of the configuration set otherwise.
func Installation(family, binary string, options map[string]string) ([]File, error) {
	f, err := For(family)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(binary)
	if err != nil {
		return nil, fmt.Errorf("read the agent: %w", err)
	}
	all, err := f.Files()
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Path == f.ConfPath {
			all[i].Data = Configure(all[i].Data, options)
		}
	}
	return append(all, File{Path: f.Binary(), Mode: 0o755, Data: data}), nil
}

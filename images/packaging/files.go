package packaging

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"text/template"
)

// Files lists everything but the binary: the shipped configuration, the unit (enabled), its alias, udev and logrotate.
func (f Family) Files() ([]File, error) {
	conf, err := f.Conf()
	if err != nil {
		return nil, err
	}
	all := []File{{Path: f.ConfPath, Mode: 0o644, Data: conf}}
	for _, add := range []func() ([]File, error){f.unitFiles, f.scripts, f.slices, f.udevRules, f.rotation, f.manual} {
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
	unit, err := f.fill("systemd/agent.service.tmpl")
	if err != nil {
		return nil, err
	}
	at := path.Join(f.Units, f.Unit+".service")
	return []File{
		{Path: at, Mode: 0o644, Data: unit},
		// What `systemctl enable` makes of the [Install] section.
		{Path: "/etc/systemd/system/multi-user.target.wants/" + f.Unit + ".service", Link: at},
		{Path: "/etc/systemd/system/" + f.Alias() + ".service", Link: at},
	}, nil
}

// scripts start the agent where systemd does not.
func (f Family) scripts() ([]File, error) {
	var all []File
	for _, s := range f.Scripts {
		data, err := f.fill("init/" + s.From + ".tmpl")
		if err != nil {
			return nil, err
		}
		mode := fs.FileMode(0o755)
		if s.Plain {
			mode = 0o644
		}
		all = append(all, File{Path: s.To, Mode: mode, Data: data})
	}
	return all, nil
}

// fill completes a template with the family's names and paths.
func (f Family) fill(name string) ([]byte, error) {
	t, err := template.ParseFS(files, name)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, f); err != nil {
		return nil, fmt.Errorf("fill in %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// manual is the manual page, compressed as manuals are.
func (f Family) manual() ([]File, error) {
	if f.Man == "" {
		return nil, nil
	}
	page, err := files.ReadFile("man/waagent.8")
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed) // without a time, so that equal pages are equal files
	_, err = w.Write(page)
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("compress the manual page: %w", err)
	}
	return []File{{Path: path.Join(f.Man, "waagent.8.gz"), Mode: 0o644, Data: packed.Bytes()}}, nil
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

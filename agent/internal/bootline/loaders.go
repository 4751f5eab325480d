package bootline

import "strings"

// loader is one boot loader's files.
type loader struct {
	files    []string
	selector string // what stands before the options
	makeLine bool   // a file without such a line gets one
	update   []string
}

// loaders are those whose files are there.
func (e Editor) loaders() []loader {
	var found []loader
	there := func(l loader) bool {
		var files []string
		for _, f := range l.files {
			if e.Files.Exists(f) {
				files = append(files, f)
			}
		}
		l.files = files
		if len(files) > 0 {
			found = append(found, l)
		}
		return len(files) > 0
	}
	grub2 := there(loader{files: []string{"/etc/default/grub"}, selector: e.variable(), makeLine: true, update: e.mkconfig()})
	there(loader{files: e.entries(), selector: "options "})
	there(loader{files: []string{"/etc/kernel/cmdline"}, selector: ""})
	there(loader{files: []string{"/etc/update-extlinux.conf"}, selector: "default_kernel_opts=", update: e.tool("update-extlinux")})
	there(loader{files: []string{"/oem/grub.cfg", "/usr/share/oem/grub.cfg"}, selector: "set linux_append=", makeLine: true})
	if !grub2 {
		there(loader{files: e.menus(), selector: "kernel "})
	}
	return found
}

// variable is where /etc/default/grub keeps the options: the distribution's choice, or the one that is there.
func (e Editor) variable() string {
	const normal, all = "GRUB_CMDLINE_LINUX_DEFAULT=", "GRUB_CMDLINE_LINUX="
	if strings.HasPrefix(e.Variable, "GRUB_") {
		return e.Variable
	}
	text, err := e.Files.ReadFile("/etc/default/grub")
	if err == nil && !strings.Contains(string(text), "\n"+normal) && strings.Contains(string(text), all) {
		return all
	}
	return normal
}

// entries are the boot loader specification's: one file for each kernel.
func (e Editor) entries() []string {
	return append(e.Files.Glob("/boot/loader/entries/*.conf"), e.Files.Glob("/boot/efi/loader/entries/*.conf")...)
}

// menus of GRUB 1 may be two names of one file.
func (e Editor) menus() []string {
	var files []string
	seen := map[string]bool{}
	for _, name := range []string{"/boot/grub/menu.lst", "/boot/grub/grub.conf", "/etc/grub.conf"} {
		real, err := e.Files.Follow(name)
		if err == nil && e.Files.Exists(name) && !seen[real] {
			seen[real] = true
			files = append(files, name)
		}
	}
	return files
}

// mkconfig is the command that makes GRUB 2's real configuration.
func (e Editor) mkconfig() []string {
	if argv := e.tool("update-grub"); argv != nil {
		return argv
	}
	for _, program := range []string{"grub2-mkconfig", "grub-mkconfig"} {
		if e.tool(program) == nil {
			continue
		}
		for _, cfg := range []string{"/boot/grub2/grub.cfg", "/boot/grub/grub.cfg"} {
			if e.Files.Exists(cfg) {
				return []string{program, "-o", cfg}
			}
		}
		for _, cfg := range e.efiConfigs() {
			return []string{program, "-o", cfg}
		}
	}
	return nil
}

func (e Editor) efiConfigs() []string {
	var all []string
	vendors, err := e.Files.ReadDir("/boot/efi/EFI")
	if err != nil {
		return nil
	}
	for _, v := range vendors {
		if cfg := "/boot/efi/EFI/" + v.Name() + "/grub.cfg"; e.Files.Exists(cfg) {
			all = append(all, cfg)
		}
	}
	return all
}

func (e Editor) tool(program string) []string {
	if e.Machine == nil || !e.Machine.Has(program) {
		return nil
	}
	return []string{program}
}

package images

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed recipes/vm-init.sh
var vmInit []byte

// vmModules are what it takes to find the disks; everything else is loaded from the root filesystem when the machine
// is found to have it. virtio_console is there because the guest helper's port shall not wait for that.
var vmModules = []string{"virtio_pci", "virtio_blk", "virtio_scsi", "virtio_console", "sd_mod", "ext4", "crc32c_generic"}

// applets are what vm-init.sh and a run disk's setup may use.
var applets = []string{
	"sh", "mount", "insmod", "dd", "tr", "usleep", "mkdir", "switch_root", "find", "cp", "chown", "chmod", "ln", "rm", "cat", "sed", "chroot", "mv",
}

// makeInitrd writes an initial RAM disk with busybox, the modules of a kernel and vm-init.sh. It runs nothing of the
// tree, so that it works for any architecture.
func makeInitrd(ctx context.Context, tree, version string) ([]byte, error) {
	order, err := moduleOrder(filepath.Join(tree, "lib/modules", version), vmModules)
	if err != nil {
		return nil, err
	}
	busybox, err := readFirst(tree, "bin/busybox", "usr/bin/busybox")
	if err != nil {
		return nil, err
	}
	var a cpio
	for _, dir := range []string{"bin", "dev", "modules", "proc", "root", "run", "sys"} {
		a.dir(dir)
	}
	a.console("dev/console")
	a.file("init", 0o755, vmInit)
	a.file("bin/busybox", 0o755, busybox)
	for _, name := range applets {
		a.link("bin/"+name, "busybox")
	}
	var list strings.Builder
	for _, path := range order {
		data, name, err := readModule(ctx, path)
		if err != nil {
			return nil, err
		}
		a.file("modules/"+name, 0o644, data)
		list.WriteString(name + "\n")
	}
	a.file("modules/order", 0o644, []byte(list.String()))
	return a.end(), nil
}

func readFirst(tree string, names ...string) ([]byte, error) {
	var err error
	for _, name := range names {
		var data []byte
		if data, err = os.ReadFile(filepath.Join(tree, name)); err == nil {
			return data, nil
		}
	}
	return nil, err
}

// moduleOrder lists the files of the named modules, each after those it needs, by the kernel's own modules.dep. Names
// that are not in it are taken for built in.
func moduleOrder(dir string, names []string) ([]string, error) {
	dep, err := os.ReadFile(filepath.Join(dir, "modules.dep"))
	if err != nil {
		return nil, err
	}
	needs, file := map[string][]string{}, map[string]string{}
	for line := range strings.Lines(string(dep)) {
		path, rest, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			continue
		}
		file[moduleName(path)] = path
		needs[path] = strings.Fields(rest)
	}
	var order []string
	seen := map[string]bool{}
	var visit func(path string)
	visit = func(path string) {
		if path == "" || seen[path] {
			return
		}
		seen[path] = true
		for _, n := range needs[path] {
			visit(n)
		}
		order = append(order, filepath.Join(dir, path))
	}
	for _, name := range names {
		visit(file[name])
	}
	if len(order) == 0 {
		return nil, fmt.Errorf("%s: none of %v", dir, names)
	}
	return order, nil
}

func moduleName(path string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

// readModule returns a module's content, uncompressed, and its file name.
func readModule(ctx context.Context, path string) ([]byte, string, error) {
	plain := strings.TrimSuffix(strings.TrimSuffix(path, ".xz"), ".zst")
	name := filepath.Base(plain)
	if plain == path {
		data, err := os.ReadFile(path)
		return data, name, err
	}
	tool := map[string]string{".xz": "xz", ".zst": "zstd"}[filepath.Ext(path)]
	out, err := exec.CommandContext(ctx, tool, "-dc", path).Output()
	if err != nil {
		return nil, "", fmt.Errorf("unpack %s: %w", path, err)
	}
	return bytes.Clone(out), name, nil
}

package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// VMImage is a bootable guest: a raw disk that is one ext4 filesystem, and the kernel and initial RAM disk to start it
// with. The files belong to the cache: boot from an overlay, never from the disk itself.
type VMImage struct {
	ID     string
	Disk   string // raw, sparse
	Kernel string
	Initrd string
	Root   string // the kernel's root= argument
	Arch   string // as Debian spells it; "": amd64
}

// vmPackages make a root filesystem bootable: the kernel of Debian's own cloud images, and what the initial RAM disk is
// made of.
func vmPackages(arch string) []string {
	if arch == "" {
		arch = "amd64"
	}
	return []string{"linux-image-cloud-" + arch, "busybox-static"}
}

const vmDiskSize = 3 << 30

// VM returns the bootable form of an image, built first where the cache does not hold it.
func VM(ctx context.Context, id string, v Variant, p Progress) (VMImage, error) {
	c, err := Load()
	if err != nil {
		return VMImage{}, err
	}
	i, err := c.Image(id)
	if err != nil {
		return VMImage{}, err
	}
	tree, err := Rootfs(ctx, id, v, p, vmPackages(i.Arch)...)
	if err != nil {
		return VMImage{}, err
	}
	name := strings.TrimSuffix(filepath.Base(tree), ".tar")
	dir := filepath.Join(CacheDir(), "images", fmt.Sprintf("%s-vm-%s", name, vmKey()))
	img := VMImage{ID: id, Arch: i.Arch, Disk: filepath.Join(dir, "disk.raw"), Kernel: filepath.Join(dir, "vmlinuz"), Initrd: filepath.Join(dir, "initrd"), Root: "LABEL=root"}
	if exists(dir) {
		return img, nil
	}
	unlock, err := Lock(ctx, dir+".lock", func() { p.say("waiting for another run that makes the VM image of %s", id) })
	if err != nil {
		return VMImage{}, err
	}
	if !exists(dir) {
		err = makeVM(ctx, id, tree, dir, p)
	}
	return img, errors.Join(err, unlock())
}

// makeVM builds into a folder beside dir, which gets its name when it is whole.
func makeVM(ctx context.Context, id, tarball, dir string, p Progress) error {
	for _, tool := range []string{"mke2fs", "tar"} {
		if _, err := exec.LookPath(tool); err != nil {
			return &Unavailable{ID: id, Why: tool + " is not installed"}
		}
	}
	start := time.Now()
	p.say("making the VM image of %s", id)
	part := dir + ".part"
	m := vmMaker{dir: part, tree: filepath.Join(part, "tree"), as: rootCommand()}
	defer m.run(context.WithoutCancel(ctx), "rm", "-rf", part) //nolint:errcheck // the rest of a failure
	if err := m.make(ctx, tarball); err != nil {
		return fmt.Errorf("make the VM image of %s: %w", id, err)
	}
	if err := os.Rename(part, dir); err != nil {
		return fmt.Errorf("keep the VM image of %s: %w", id, err)
	}
	p.say("made the VM image of %s in %.0f s", id, time.Since(start).Seconds())
	return nil
}

// vmKey stands for what the VM image is made of beside the root filesystem.
func vmKey() string {
	h := sha256.New()
	files := vmFiles()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintln(h, name, files[name].mode, files[name].data)
	}
	fmt.Fprintln(h, vmDiskSize, vmMasked, vmModules, applets, mke2fsArguments("T", "D"))
	h.Write(vmInit)
	return hex.EncodeToString(h.Sum(nil))[:8]
}

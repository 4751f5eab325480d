package scenarios

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// disk prepares the resource disk as vm.yaml wants it delivered.
func (w *world) disk(ctx context.Context) (Disk, error) {
	d := w.vm.Disk
	if d.SizeMB < 0 {
		return Disk{}, nil
	}
	disk := Disk{SizeMB: d.SizeMB}
	switch d.Content {
	case "blank":
		return disk, nil
	case "ext4":
		disk.From = filepath.Join(w.s.Dir, "resource.img")
		return disk, formatted(ctx, disk.From, d.SizeMB)
	case "ntfs", "ntfs-gpt", "ntfs-data":
		disk.From = filepath.Join(w.s.Dir, "resource.img")
		label, files := "dos", []string(nil)
		if d.Content == "ntfs-gpt" {
			label = "gpt"
		}
		if d.Content == "ntfs-data" {
			files = []string{"thesis.txt"}
		}
		return disk, ntfsDisk(ctx, disk.From, d.SizeMB, label, files...)
	}
	return disk, fmt.Errorf("vm.yaml: resource_disk: content %q: want blank, ext4, ntfs, ntfs-gpt or ntfs-data", d.Content)
}

// partitionStart is where the first partition begins, in sectors of 512 bytes.
const partitionStart = 2048

// formatted makes an image with a partition table and one ext4 partition.
func formatted(ctx context.Context, path string, sizeMB int) error {
	size := int64(sizeMB) << 20
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return err
	}
	sfdisk := exec.CommandContext(ctx, "sfdisk", "-q", path)
	sfdisk.Stdin = strings.NewReader(fmt.Sprintf("label: dos\nstart=%d, type=83\n", partitionStart))
	if out, err := sfdisk.CombinedOutput(); err != nil {
		return fmt.Errorf("sfdisk %s: %w: %s", path, err, out)
	}
	blocks := (size - partitionStart*512) / 4096
	mkfs := exec.CommandContext(ctx, "mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-E",
		fmt.Sprintf("offset=%d", partitionStart*512), path, fmt.Sprint(blocks))
	if out, err := mkfs.CombinedOutput(); err != nil {
		return fmt.Errorf("mke2fs %s: %w: %s", path, err, out)
	}
	return nil
}

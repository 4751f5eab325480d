package scenarios

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// platformNotice is the file that the platform leaves on the disks it hands out.
const platformNotice = "DATALOSS_WARNING_README.txt"

// ntfsDisk makes an image as the platform delivers it: one NTFS partition that holds the platform's notice, and more
// files if a guest is to find some that are worth keeping.
func ntfsDisk(ctx context.Context, path string, sizeMB int, label string, files ...string) error {
	dir, err := os.MkdirTemp(filepath.Dir(path), "ntfs")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	size := int64(sizeMB) << 20
	partition, note := filepath.Join(dir, "partition"), filepath.Join(dir, "note")
	if err := os.WriteFile(note, []byte("Data on this disk will be lost.\n"), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(partition, nil, 0o644); err != nil {
		return err
	}
	if err := os.Truncate(partition, size-2<<20); err != nil {
		return err
	}
	commands := [][]string{{"mkntfs", "-q", "-F", "-Q", "-p", fmt.Sprint(partitionStart), "-L", "Temporary Storage", partition}}
	for _, f := range append([]string{platformNotice}, files...) {
		commands = append(commands, []string{"ntfscp", "-q", partition, note, "/" + f})
	}
	for _, argv := range commands {
		if out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, out)
		}
	}
	return place(ctx, path, size, label, partition)
}

// place makes an image with a partition table and puts the content into its only partition.
func place(ctx context.Context, path string, size int64, label, content string) error {
	disk, err := os.Create(path)
	if err != nil {
		return err
	}
	defer disk.Close()
	if err := disk.Truncate(size); err != nil {
		return err
	}
	kind := map[string]string{"dos": "7", "gpt": "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"}[label]
	sfdisk := exec.CommandContext(ctx, "sfdisk", "-q", path)
	sfdisk.Stdin = strings.NewReader(fmt.Sprintf("label: %s\nstart=%d, size=%d, type=%s\n", label, partitionStart, (size-2<<20)/512, kind))
	if out, err := sfdisk.CombinedOutput(); err != nil {
		return fmt.Errorf("sfdisk %s: %w: %s", path, err, out)
	}
	from, err := os.Open(content)
	if err != nil {
		return err
	}
	defer from.Close()
	if _, err := disk.Seek(partitionStart*512, io.SeekStart); err != nil {
		return err
	}
	_, err = io.Copy(disk, from)
	return err
}

package qemu

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// makeDisks makes the guest's writable disks in dir. All are qcow2, so that the machine's state can be saved in them.
func makeDisks(ctx context.Context, dir string, s Spec) error {
	base, err := filepath.Abs(s.Image.Disk)
	if err != nil {
		return err
	}
	if err := command(ctx, "qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", base, filepath.Join(dir, "os.qcow2")); err != nil {
		return err
	}
	if r := s.ResourceDisk; r != nil {
		if err := makeResourceDisk(ctx, dir, *r); err != nil {
			return err
		}
	}
	for i, size := range s.DataDisks {
		if err := command(ctx, "qemu-img", "create", "-q", "-f", "qcow2", dataDisk(dir, i), strconv.FormatInt(size, 10)); err != nil {
			return err
		}
	}
	return nil
}

func dataDisk(dir string, i int) string { return filepath.Join(dir, fmt.Sprintf("data%d.qcow2", i)) }

func makeResourceDisk(ctx context.Context, dir string, r ResourceDisk) error {
	path, size := filepath.Join(dir, "resource.qcow2"), strconv.FormatInt(r.Size, 10)
	if r.From == "" {
		return command(ctx, "qemu-img", "create", "-q", "-f", "qcow2", path, size)
	}
	if err := command(ctx, "qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", r.From, path); err != nil {
		return err
	}
	return command(ctx, "qemu-img", "resize", "-q", path, size)
}

// command runs a tool of the host to its end.
func command(ctx context.Context, argv ...string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "PATH=/usr/sbin:/sbin:"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// randomMAC is an address of the block that Azure's NICs have.
func randomMAC() net.HardwareAddr {
	mac := net.HardwareAddr{0x00, 0x0d, 0x3a, 0, 0, 0}
	rand.Read(mac[3:]) //nolint:errcheck // never fails
	return mac
}

package guesthelper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Main runs the helper in a guest until the machine goes down, and returns its exit code. It takes no arguments.
func Main(args []string) int {
	if len(args) > 0 {
		fmt.Fprintln(os.Stderr, "guest-helper: takes no arguments; it serves the virtio serial port", PortName)
		return 2
	}
	if err := run(context.Background(), "/"); err != nil {
		fmt.Fprintln(os.Stderr, "guest-helper:", err)
		return 4
	}
	return 0
}

func run(ctx context.Context, root string) error {
	boot, err := os.ReadFile(filepath.Join(root, "proc/sys/kernel/random/boot_id"))
	if err != nil {
		return err
	}
	device, err := findPort(root)
	if err != nil {
		return err
	}
	port, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer port.Close()
	return Serve(ctx, &patient{port}, strings.TrimSpace(string(boot)))
}

// findPort looks the port up where the kernel lists it: the links below /dev/virtio-ports appear only once udev runs.
func findPort(root string) (string, error) {
	names, err := filepath.Glob(filepath.Join(root, "sys/class/virtio-ports/*/name"))
	if err != nil {
		return "", err
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err == nil && strings.TrimSpace(string(data)) == PortName {
			return filepath.Join(root, "dev", filepath.Base(filepath.Dir(name))), nil
		}
	}
	return "", fmt.Errorf("no virtio serial port named %s among %d", PortName, len(names))
}

// patient waits where the port says end of file, which it does while nobody is connected at the host's end.
type patient struct{ *os.File }

func (p *patient) Read(b []byte) (int, error) {
	for {
		n, err := p.File.Read(b)
		if n > 0 || !errors.Is(err, io.EOF) {
			return n, err
		}
		<-time.After(100 * time.Millisecond)
	}
}

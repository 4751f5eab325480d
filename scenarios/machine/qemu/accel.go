package qemu

import (
	"context"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

type accel struct{ accel, cpu string }

// kvm runs instructions on the processor itself, where this one may.
var kvm = accel{"kvm", "host,kvm=off,hypervisor=on"}

// detectAccel finds out whether KVM works here by running firmware under it. That /dev/kvm is there proves nothing:
// in a machine that is itself virtual it may be there and hang.
func detectAccel(ctx context.Context, a architecture) accel {
	if a.native != runtime.GOARCH {
		return a.tcg
	}
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return a.tcg
	}
	f.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, a.program, "-nodefaults", "-display", "none", "-no-user-config", "-machine", "pc", "-m", "32",
		"-accel", "kvm", "-cpu", "host", "-chardev", "stdio,id=log", "-device", "isa-debugcon,iobase=0x402,chardev=log")
	cmd.WaitDelay = time.Second
	out, err := cmd.StdoutPipe()
	if err != nil || cmd.Start() != nil {
		return a.tcg
	}
	first := make([]byte, 7)
	n, _ := io.ReadFull(out, first) // the firmware's name, as soon as it runs
	cancel()
	cmd.Wait() //nolint:errcheck // it was killed
	if strings.HasPrefix(string(first[:n]), "SeaBIOS") {
		return kvm
	}
	return a.tcg
}

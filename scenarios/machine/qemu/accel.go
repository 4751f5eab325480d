package qemu

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/waagent-go/waagent/images"
)

type accel struct{ accel, cpu string }

// kvm runs instructions on the processor itself, where this one may.
var kvm = accel{"kvm", "host,kvm=off,hypervisor=on"}

// trialLimit is far more than a kernel needs on a processor of its own, and little beside what an emulated boot takes.
const trialLimit = 10 * time.Second

// trials remembers, per kernel, how its trial under KVM ended: a machine does not change its mind.
var trials struct {
	sync.Mutex
	works map[string]bool
}

// detectAccel finds out whether KVM runs this image's kernel here. That /dev/kvm is there proves nothing, and neither
// does firmware that runs under it: in a machine that is itself virtual, either may be so and a kernel hang all the same.
func detectAccel(ctx context.Context, image images.VMImage) accel {
	a := architectureOf(image.Arch)
	if a.native != runtime.GOARCH {
		return a.tcg
	}
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return a.tcg
	}
	f.Close()
	trials.Lock()
	defer trials.Unlock()
	works, tried := trials.works[image.Kernel]
	if !tried {
		works = tryKVM(ctx, a, image)
		if ctx.Err() != nil { // says nothing of KVM
			return a.tcg
		}
		if trials.works == nil {
			trials.works = map[string]bool{}
		}
		trials.works[image.Kernel] = works
	}
	if works {
		return kvm
	}
	return a.tcg
}

// tryKVM starts the image's kernel with a first program that does nothing.
func tryKVM(ctx context.Context, a architecture, image images.VMImage) bool {
	ctx, cancel := context.WithTimeout(ctx, trialLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, a.program, "-nodefaults", "-display", "none", "-no-user-config", "-no-reboot",
		"-machine", a.machine, "-m", "512", "-smp", "2", "-accel", kvm.accel, "-cpu", kvm.cpu,
		"-kernel", image.Kernel, "-initrd", image.Initrd, "-serial", "stdio",
		"-append", "console="+a.console+" panic=-1 rdinit=/bin/sh -- -c exit")
	cmd.WaitDelay = time.Second
	r, w, err := os.Pipe()
	if err != nil {
		return false
	}
	defer r.Close()
	cmd.Stdout, cmd.Stderr = w, w // what KVM can't run is said on the latter, and the machine stands still
	err = cmd.Start()
	w.Close()
	if err != nil {
		return false
	}
	works := lives(r)
	cancel()
	cmd.Wait() //nolint:errcheck // it was killed
	return works
}

// lives tells whether a console shows a kernel that came as far as running programs: its complaint that the first one
// has ended, or, where the initial file system has no such program, that there is no other file system.
func lives(console io.Reader) bool {
	s := bufio.NewScanner(console)
	for s.Scan() {
		line := s.Text()
		switch {
		case strings.Contains(line, "Attempted to kill init! exitcode=0x00000000"), strings.Contains(line, "Unable to mount root fs"):
			return true
		case strings.Contains(line, "KVM internal error"):
			return false
		}
	}
	return false
}

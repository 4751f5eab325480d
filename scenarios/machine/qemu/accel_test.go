package qemu

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestWhatATrialOfKVMShows(t *testing.T) {
	for _, c := range []struct {
		name, console string
		works         bool
	}{
		{"the first program ran and ended", "[    0.9] Run /bin/sh as init process\r\n" +
			"[    1.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000000\r\n", true},
		{"no first program, but a kernel that looks for one", "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n", true},
		{"the first program died of the processor", "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b\r\n", false},
		{"an instruction that KVM can't run", "[    0.0] Linux version 6.1\r\nKVM internal error. Suberror: 1\r\nemulation failure\r\n", false},
		{"a kernel that stops", "[    0.0] Linux version 6.1\r\n[    0.1] smpboot", false},
		{"a machine that shows nothing", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, lives(strings.NewReader(c.console)), c.works)
		})
	}
}

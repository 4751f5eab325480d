package images

import (
	"io/fs"
	"strings"
)

type vmFile struct {
	data string
	mode fs.FileMode
}

// vmMasked are units that only cost time in a guest that lives for minutes: package timers, filesystem scrubbing, the
// graphical console's login, filesystems for kernel developers.
var vmMasked = []string{
	"apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service",
	"fstrim.timer", "man-db.timer", "getty@tty1.service", "systemd-pstore.service",
	"dev-hugepages.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-kernel-config.mount",
	"sys-fs-fuse-connections.mount", "modprobe@.service", "proc-sys-fs-binfmt_misc.automount",
}

// vmFiles is what the tree gets on its way from a container's root to a machine's, by path.
func vmFiles() map[string]vmFile {
	return map[string]vmFile{
		"etc/fstab":      {"LABEL=root / ext4 defaults,noatime 0 0\n", 0o644},
		"etc/machine-id": {"", 0o444},
		// Loaded for features of the emulated processor that nobody here uses; their self-tests take seconds.
		"etc/modprobe.d/vm-slow.conf": {blacklist(vmSlowModules), 0o644},
	}
}

var vmSlowModules = []string{
	"aesni_intel", "ghash_clmulni_intel", "crct10dif_pclmul", "crc32_pclmul", "polyval_clmulni", "sha512_ssse3",
	"sha256_ssse3", "sha1_ssse3", "kvm_amd", "kvm_intel", "powernow_k8", "psmouse", "serio_raw", "pcspkr",
}

func blacklist(modules []string) string {
	var b strings.Builder
	for _, m := range modules {
		b.WriteString("blacklist " + m + "\n")
	}
	return b.String()
}

package qemu

// architecture is what differs between machines of different processors.
type architecture struct {
	program string
	native  string // the GOARCH on which KVM may run it; "": it is always emulated here
	tcg     accel  // emulates every instruction: slow, but everywhere
	machine string // without what nobody uses and a kernel would take its time to look at
	console string
	uefi    [][2]string // firmware, where distributions keep it: code, and the memory it starts with
	kernel  []string    // arguments
}

// patience makes a kernel fit for a slow machine: no work whose purpose is a processor's bugs or speed, no alarm when
// the host lets it wait.
var patience = []string{
	"mitigations=off", "audit=0", "cryptomgr.notests", "nosoftlockup", "rcupdate.rcu_cpu_stall_suppress=1", "nokaslr",
}

var amd64 = architecture{
	program: "qemu-system-x86_64",
	native:  "amd64",
	// tcg-cpuid=off hides from the guest that its processor is emulated.
	tcg:     accel{"tcg,thread=multi", "max,tcg-cpuid=off"},
	machine: "q35,sata=off,usb=off,smbus=off,vmport=off",
	console: "ttyS0",
	uefi: [][2]string{
		{"/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"},
		{"/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"},
		{"/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"},
	},
	kernel: []string{"tsc=reliable", "clocksource=tsc", "no_timer_check"}, // the cheapest clock
}

// arm64 machines exist as Gen2 only: their firmware tables, identity among them, come by UEFI.
var arm64 = architecture{
	program: "qemu-system-aarch64",
	// Pointers are signed by an algorithm that costs less to emulate than the real one.
	tcg:     accel{"tcg,thread=multi", "max,pauth-impdef=on"},
	machine: "virt",
	console: "ttyAMA0",
	uefi: [][2]string{
		{"/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"},
		{"/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw", "/usr/share/edk2/aarch64/vars-template-pflash.raw"},
	},
}

func architectureOf(arch string) architecture {
	if arch == "arm64" {
		return arm64
	}
	return amd64
}

// UEFI tells whether a guest of a processor (as Debian spells it; "" is amd64) and generation starts by UEFI.
func UEFI(arch string, generation int) bool { return generation == 2 || arch == "arm64" }

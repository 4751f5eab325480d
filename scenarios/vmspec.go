package scenarios

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/waagent-go/waagent/fabricsim/vnet"
	"github.com/waagent-go/waagent/images"
	"github.com/waagent-go/waagent/ovfgen/specfile"
)

// VM is vm.yaml: what kind of machine a script boots. Everything has a default, so most scripts have none.
type VM struct {
	Image string `yaml:"image"` // id of images/catalog.yaml
	// Agent is what provisions and runs in it: ours, python, cloud-init, cloud-init+python, none; "@suite" may
	// follow and names the Debian suite whose package is meant.
	Agent  string            `yaml:"agent"`
	Conf   map[string]string `yaml:"waagent_conf"` // options that override the shipped waagent.conf
	Disk   ResourceDisk      `yaml:"resource_disk"`
	DVD    string            `yaml:"dvd"` // none: no provisioning medium in the drive
	Kernel []string          `yaml:"kernel_args"`
	Fabric string            `yaml:"fabric"` // up (default) or down: unreachable until `fabric up`
	Extra  map[string]string `yaml:"files"`  // guest path: content, put there before the agent starts
	// Variant is what the image holds beside the distribution, for an agent that needs nothing of its own: plain
	// (default), or another of images/catalog.yaml.
	Variant string `yaml:"variant"`

	// Volumes puts /var/lib/waagent and /var/log on volumes: what a container writes otherwise may go through a
	// filesystem in user space, many times slower than any VM's disk. Other drivers give what they always give.
	Volumes bool `yaml:"volumes"`

	// What a virtual machine alone has.
	Generation int    `yaml:"generation"` // 1 (default): BIOS; 2: UEFI
	DHCP       string `yaml:"dhcp"`       // see dhcpKinds; azure is the default
	NICs       int    `yaml:"nics"`       // how many network interfaces; 1 is the default
	Size       Size   `yaml:"size"`
}

// Size is what a virtual machine has of a host; 0 is the driver's default.
type Size struct {
	CPUs     int `yaml:"cpus"`
	MemoryMB int `yaml:"memory_mb"`
}

// maxNICs is what Azure's largest sizes have.
const maxNICs = 8

// dhcpKinds are the ways in which a script's DHCP server may answer.
var dhcpKinds = map[string]vnet.DHCP{
	"azure":     {},
	"silent":    {Silent: true},
	"no-245":    {NoEndpoint: true},
	"no-121":    {NoRoutes: true},
	"no-routes": {NoRoutes: true, NoMSRoutes: true, NoRouter: true},
}

// ResourceDisk is the temporary disk the platform attaches.
type ResourceDisk struct {
	SizeMB  int    `yaml:"size_mb"` // 0: 256; negative: there is none
	Content string `yaml:"content"` // blank (default), ext4, ntfs (as the platform delivers it), ntfs-gpt, ntfs-data (with a file of somebody)
}

// ParseVM reads vm.yaml strictly; nil data is the default machine.
func ParseVM(data []byte) (VM, error) {
	var vm VM
	doc, err := specfile.Decode(data, &vm)
	if err != nil {
		return vm, specfile.In("vm.yaml", err)
	}
	if vm.Agent == "" {
		vm.Agent = "ours"
	}
	if vm.Disk.SizeMB == 0 {
		vm.Disk.SizeMB = 256
	}
	if vm.Disk.Content == "" {
		vm.Disk.Content = "blank"
	}
	if vm.Generation == 0 {
		vm.Generation = 1
	}
	if vm.DHCP == "" {
		vm.DHCP = "azure"
	}
	if vm.NICs == 0 {
		vm.NICs = 1
	}
	return vm, vm.check(doc)
}

// check names the first field whose value is none of those it can have.
func (vm VM) check(doc specfile.Document) error {
	wrong := func(field, format string, args ...any) error {
		return specfile.In("vm.yaml", doc.Problem(field, format, args...))
	}
	kind, suite := vm.agent()
	_, known := dhcpKinds[vm.DHCP]
	switch {
	case variants[kind] == "":
		return wrong("agent", "%q: want ours, python, cloud-init, cloud-init+python, cloud-init+ours or none", vm.Agent)
	case suite != "" && suites[suite] == "":
		return wrong("agent", "%q: no image of the suite %s; known: %s", vm.Agent, suite, strings.Join(slices.Sorted(maps.Keys(suites)), ", "))
	case vm.Generation != 1 && vm.Generation != 2:
		return wrong("generation", "%d: want 1 or 2", vm.Generation)
	case !known:
		return wrong("dhcp", "%q: want %s", vm.DHCP, strings.Join(slices.Sorted(maps.Keys(dhcpKinds)), ", "))
	case vm.NICs < 1 || vm.NICs > maxNICs:
		return wrong("nics", "%d: want 1 to %d", vm.NICs, maxNICs)
	case vm.Size.CPUs < 0 || vm.Size.MemoryMB < 0:
		return wrong("size", "a machine has no less than nothing")
	case vm.Fabric != "" && vm.Fabric != "up" && vm.Fabric != "down":
		return wrong("fabric", "%q: want up or down", vm.Fabric)
	case vm.DVD != "" && vm.DVD != "none":
		return wrong("dvd", "%q: want none, or leave it out", vm.DVD)
	}
	return vm.checkVariant(variants[kind], wrong)
}

func (vm VM) checkVariant(ofAgent string, wrong func(field, format string, args ...any) error) error {
	if vm.Variant == "" {
		return nil
	}
	if ofAgent != string(images.Plain) {
		return wrong("variant", "%q: the agent %s comes in the variant %s", vm.Variant, vm.Agent, ofAgent)
	}
	catalog, err := images.Load()
	if err == nil && !slices.Contains(catalog.Variants(), images.Variant(vm.Variant)) {
		err = wrong("variant", "%q: the catalog has %v", vm.Variant, catalog.Variants())
	}
	return err
}

// onlyVirtual refuses what a driver without a machine of its own cannot give: silence would let a script pass for the
// wrong reason.
func (vm VM) onlyVirtual(driver string) error {
	if driver == "qemu" {
		return nil
	}
	for field, set := range map[string]bool{
		"generation": vm.Generation != 1, "dhcp": vm.DHCP != "azure", "size": vm.Size != Size{}, "kernel_args": len(vm.Kernel) > 0,
		"nics": vm.NICs > 1,
	} {
		if set {
			return fmt.Errorf("vm.yaml: %s: only the qemu driver has that, and this is %s; let the script say `needs kernel`", field, driver)
		}
	}
	return nil
}

// variants maps an agent to the variant of an image that has it.
var variants = map[string]string{
	"ours": "plain", "none": "plain", "python": "waagent", "cloud-init": "cloud-init",
	"cloud-init+python": "cloud-init+waagent", "cloud-init+ours": "cloud-init",
}

// suites maps Debian suites to image ids.
var suites = map[string]string{
	"bullseye": "debian11", "bookworm": "debian12", "trixie": "debian13", "forky": "debian14", "sid": "sid",
}

func (vm VM) agent() (kind, suite string) {
	kind, suite, _ = strings.Cut(vm.Agent, "@")
	return kind, suite
}

// variant is the variant of the image this machine needs.
func (vm VM) variant() string {
	if vm.Variant != "" {
		return vm.Variant
	}
	kind, _ := vm.agent()
	return variants[kind]
}

// image is the image to boot: the suite of the agent decides, then vm.yaml, then what the pair says.
func (vm VM) image(pair string) string {
	if _, suite := vm.agent(); suite != "" {
		return suites[suite]
	}
	if vm.Image != "" {
		return vm.Image
	}
	return pair
}

// ours reports whether the agent under test goes in.
func (vm VM) ours() bool { kind, _ := vm.agent(); return strings.HasSuffix(kind, "ours") }

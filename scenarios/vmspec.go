package scenarios

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
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
	DHCP   string            `yaml:"dhcp"`   // azure (default), silent, no-245, no-121
	Fabric string            `yaml:"fabric"` // up (default) or down: unreachable until `fabric up`
	Size   string            `yaml:"size"`
	Extra  map[string]string `yaml:"files"` // guest path: content, put there before the agent starts
}

// ResourceDisk is the temporary disk the platform attaches.
type ResourceDisk struct {
	SizeMB  int    `yaml:"size_mb"` // 0: 256; negative: there is none
	Content string `yaml:"content"` // blank (default), ext4, ntfs (as the platform delivers it), ntfs-gpt, ntfs-data (with a file of somebody)
}

// ParseVM reads vm.yaml strictly; nil data is the default machine.
func ParseVM(data []byte) (VM, error) {
	var vm VM
	if len(bytes.TrimSpace(data)) > 0 {
		dec := yaml.NewDecoder(bytes.NewReader(data))
		dec.KnownFields(true)
		if err := dec.Decode(&vm); err != nil {
			return vm, fmt.Errorf("vm.yaml: %w", err)
		}
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
	kind, _ := vm.agent()
	if _, ok := variants[kind]; !ok {
		return vm, fmt.Errorf("vm.yaml: agent %q: want ours, python, cloud-init, cloud-init+python or none", vm.Agent)
	}
	return vm, nil
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
func (vm VM) variant() string { kind, _ := vm.agent(); return variants[kind] }

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

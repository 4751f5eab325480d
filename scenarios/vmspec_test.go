package scenarios

import (
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
)

func TestTheDefaultMachineIsPlain(t *testing.T) {
	t.Parallel()
	vm, err := ParseVM(nil)
	assert.NilError(t, err)
	assert.Equal(t, vm.variant(), "plain")
	assert.Equal(t, vm.Generation, 1)
	for _, driver := range Drivers {
		assert.NilError(t, vm.onlyVirtual(driver))
	}
}

func TestAVariantOfTheImageCanBeChosen(t *testing.T) {
	t.Parallel()
	for _, variant := range []string{"plain", "filesystems", "firewalld"} {
		vm, err := ParseVM([]byte("variant: " + variant))
		assert.NilError(t, err)
		assert.Equal(t, vm.variant(), variant)
	}
}

func TestMistakesInVMYAMLAreNamedByTheirField(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"agent: basic":                        `vm.yaml: line 1: agent: "basic": want ours`,
		"agent: python@potato":                `vm.yaml: line 1: agent: "python@potato": no image of the suite potato`,
		"variant: firewall":                   `vm.yaml: line 1: variant: "firewall": the catalog has [cloud-init`,
		"{variant: firewalld, agent: python}": `vm.yaml: line 1: variant: "firewalld": the agent python comes in the variant waagent`,
		"dvd: none\ngeneration: 3":            "vm.yaml: line 2: generation: 3: want 1 or 2",
		"dhcp: none":                          `vm.yaml: line 1: dhcp: "none": want azure, no-121, no-245, no-routes, silent`,
		"nics: 9":                             "vm.yaml: line 1: nics: 9: want 1 to 8",
		"size: {cpus: -1}":                    "vm.yaml: line 1: size: a machine",
		"size: Standard_B1s":                  `vm.yaml: line 1: size: want a mapping, not "Standard_B1s"`,
		"size:\n  cpus: two":                  `vm.yaml: line 2: size.cpus: want a whole number, not "two"`,
		"fabric: away":                        `vm.yaml: line 1: fabric: "away": want up or down`,
		"dvd: floppy":                         `vm.yaml: line 1: dvd: "floppy"`,
		"colour: red":                         `vm.yaml: line 1: unknown field "colour"`,
	} {
		_, err := ParseVM([]byte(text))
		assert.Check(t, cmp.ErrorContains(err, want), text)
	}
}

// A container would silently be booted without what the script is about.
func TestWhatOnlyAVirtualMachineHasIsRefusedElsewhere(t *testing.T) {
	t.Parallel()
	for text, field := range map[string]string{
		"generation: 2": "generation", "dhcp: silent": "dhcp", "size: {memory_mb: 512}": "size", "kernel_args: [a=b]": "kernel_args",
		"nics: 2": "nics",
	} {
		vm, err := ParseVM([]byte(text))
		assert.NilError(t, err)
		assert.NilError(t, vm.onlyVirtual("qemu"))
		assert.Check(t, cmp.ErrorContains(vm.onlyVirtual("container"), "vm.yaml: "+field+": only the qemu driver"))
	}
}

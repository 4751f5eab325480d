package imds

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"

	protocol "github.com/waagent-go/waagent/agent/protocol/imds"
	"github.com/waagent-go/waagent/fabricsim/goal"
)

// Versions are the API versions, oldest first.
func Versions() []string {
	return []string{
		"2017-03-01", "2017-04-02", "2017-08-01", "2017-10-01", "2017-12-01", "2018-02-01", "2018-04-02", "2018-10-01",
		"2019-02-01", "2019-03-11", "2019-04-30", "2019-06-01", "2019-06-04", "2019-08-01", "2019-08-15", "2019-11-01",
		"2020-06-01", "2020-07-15", "2020-09-01", "2020-10-01", "2020-12-01", "2021-01-01", "2021-02-01", "2021-03-01",
		"2021-05-01", "2021-08-01", "2021-10-01", "2021-11-01", "2021-11-15", "2021-12-13", "2023-07-01", "2023-11-15",
		"2024-03-15", "2025-04-07",
	}
}

// Document is the whole instance document of a VM in an API version, as generic JSON.
func Document(vm goal.VM, version string, extended bool) (any, error) {
	doc := protocol.Instance{Compute: compute(vm, version), Network: network(vm)}
	if extended && version >= "2021-01-01" {
		doc.Extended = &protocol.Extended{Compute: protocol.ExtendedCompute{HasCustomData: vm.CustomData, PPSType: vm.PPS}}
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	var generic map[string]any
	if err := json.Unmarshal(text, &generic); err != nil {
		return nil, err
	}
	members := generic["compute"].(map[string]any) // a struct always becomes one
	if profile, ok := members["securityProfile"].(map[string]any); ok && version < "2021-12-13" {
		delete(profile, "securityType")
	}
	addUnread(members, version)
	for name, value := range vm.Compute {
		members[name] = value
	}
	return generic, nil
}

// addUnread adds members that real documents have and no client reads.
func addUnread(members map[string]any, version string) {
	text := func(names ...string) map[string]any {
		m := map[string]any{}
		for _, n := range names {
			m[n] = ""
		}
		return m
	}
	for name, m := range map[string]struct {
		since string
		value any
	}{
		"tagsList":               {"2019-06-04", []any{}},
		"userData":               {"2021-01-01", ""},
		"extendedLocation":       {"2021-03-01", text("name", "type")},
		"virtualMachineScaleSet": {"2021-03-01", text("id")},
		"platformSubFaultDomain": {"2021-10-01", ""},
		"additionalCapabilities": {"2021-11-15", map[string]any{"hibernationEnabled": "false"}},
		"host":                   {"2021-11-15", text("id")},
		"hostGroup":              {"2021-11-15", text("id")},
		"isVmInStandbyPool":      {"2023-11-15", ""},
	} {
		if _, ok := members[name]; !ok && version >= m.since {
			members[name] = m.value
		}
	}
}

func compute(vm goal.VM, version string) protocol.Compute {
	empty := ""
	subscription := goal.GUID("subscription", "fabricsim")
	c := protocol.Compute{
		Location: "simland", Name: vm.Name, Offer: "0001-com-ubuntu-server-jammy", OSType: "Linux", PlatformFaultDomain: "0",
		PlatformUpdateDomain: "0", Publisher: "Canonical", ResourceGroupName: "fabricsim", SKU: "22_04-lts-gen2",
		SubscriptionID: subscription, Version: "22.04.202401010", VMID: vm.VMID, VMSize: "Standard_D2s_v3",
	}
	since := func(v string, f func()) {
		if version >= v {
			f()
		}
	}
	since("2018-04-02", func() { c.Plan, c.PublicKeys = &protocol.Plan{}, publicKeys(vm) })
	since("2018-10-01", func() { c.AzEnvironment, c.Provider = "AzurePublicCloud", "Microsoft.Compute" })
	since("2019-02-01", func() { c.CustomData = &empty })
	since("2019-03-11", func() {
		c.ResourceID = fmt.Sprintf("/subscriptions/%s/resourceGroups/fabricsim/providers/Microsoft.Compute/virtualMachines/%s", subscription, vm.Name)
	})
	since("2019-06-01", func() { c.StorageProfile = storageProfile() })
	since("2020-06-01", func() {
		c.IsHostCompatibilityVM = "false"
		c.SecurityProfile = &protocol.SecurityProfile{SecureBootEnabled: "false", VirtualTPMEnabled: "false"}
	})
	since("2020-07-15", func() {
		c.OSProfile = &protocol.OSProfile{
			AdminUsername: vm.AdminUser, ComputerName: vm.Name, DisablePasswordAuthentication: protocol.Bool(vm.NoPassword),
		}
	})
	since("2020-09-01", func() { c.LicenseType = &empty })
	since("2020-12-01", func() { c.EvictionPolicy, c.Priority = &empty, &empty })
	since("2021-01-01", func() { c.UserData = vm.UserData })
	since("2021-11-01", func() { c.SecurityProfile.EncryptionAtHost = "false" })
	since("2021-12-13", func() { c.SecurityProfile.SecurityType = vm.SecurityType })
	return c
}

// publicKeys leaves the member out when there are no keys: an empty list would lock everybody out.
func publicKeys(vm goal.VM) (keys []protocol.PublicKey) {
	for _, k := range vm.PublicKeys {
		keys = append(keys, protocol.PublicKey{KeyData: k, Path: fmt.Sprintf("/home/%s/.ssh/authorized_keys", vm.AdminUser)})
	}
	return keys
}

func storageProfile() json.RawMessage {
	return json.RawMessage(`{"dataDisks":[],"imageReference":{"id":"","offer":"0001-com-ubuntu-server-jammy","publisher":"Canonical","sku":"22_04-lts-gen2","version":"latest"},` +
		`"osDisk":{"caching":"ReadWrite","createOption":"FromImage","diskSizeGB":"30","name":"osdisk","osType":"Linux"},"resourceDisk":{"size":"16384"}}`)
}

func network(vm goal.VM) protocol.Network {
	nics := vm.NICs
	if len(nics) == 0 {
		addresses := vm.Addresses
		if len(addresses) == 0 {
			addresses = []string{"10.0.0.4"}
		}
		nics = []goal.NIC{{MAC: goal.MAC(vm.VMID), Addresses: addresses[:1]}}
	}
	n := protocol.Network{Interfaces: []protocol.Interface{}}
	for _, nic := range nics {
		n.Interfaces = append(n.Interfaces, networkInterface(nic))
	}
	return n
}

func networkInterface(nic goal.NIC) protocol.Interface {
	empty := ""
	i := protocol.Interface{
		MACAddress: strings.ToUpper(strings.NewReplacer(":", "", "-", "").Replace(nic.MAC)),
		IPv4:       protocol.IPs{Addresses: []protocol.IP{}}, IPv6: protocol.IPs{Addresses: []protocol.IP{}},
	}
	for _, text := range nic.Addresses {
		a, err := netip.ParseAddr(text)
		switch {
		case err == nil && a.Is6():
			i.IPv6.Addresses = append(i.IPv6.Addresses, protocol.IP{Private: text})
		default:
			i.IPv4.Addresses = append(i.IPv4.Addresses, protocol.IP{Private: text, Public: &empty})
			if err == nil && len(i.IPv4.Subnets) == 0 {
				i.IPv4.Subnets = []protocol.Subnet{subnet(a, nic.Prefix)}
			}
		}
	}
	return i
}

func subnet(a netip.Addr, prefix int) protocol.Subnet {
	if prefix == 0 {
		prefix = 24
	}
	p, err := a.Prefix(prefix)
	if err != nil {
		return protocol.Subnet{}
	}
	return protocol.Subnet{Address: p.Masked().Addr().String(), Prefix: fmt.Sprint(prefix)}
}

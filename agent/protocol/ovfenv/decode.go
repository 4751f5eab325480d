package ovfenv

import (
	"fmt"
	"strings"

	"github.com/waagent-go/waagent/agent/protocol/secret"
)

// MissingError says which elements a well-formed document lacks.
type MissingError struct{ Elements []string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s: missing or empty: %s", FileName, strings.Join(e.Elements, ", "))
}

// Decode reads a document: any prefixes, any namespaces, a byte order mark, CDATA. A document that is not well formed
// is an error with line and column; one that lacks what every reader needs is a *MissingError naming all of it.
// UserName is not among that: cloud-init accepts its absence, and the caller may know the user from elsewhere.
func Decode(data []byte) (Environment, error) {
	root, err := parse(data)
	if err != nil {
		return Environment{}, err
	}
	if root.name != "Environment" {
		return Environment{}, fmt.Errorf("%s: the document element is %s, not Environment", FileName, root.name)
	}
	if err := require(root); err != nil {
		return Environment{}, err
	}
	set := root.find("LinuxProvisioningConfigurationSet")
	settings := root.find("PlatformSettings")
	return Environment{
		Version:  root.find("ProvisioningSection").word("Version"),
		Linux:    linux(set),
		Platform: platform(settings, root.find("PlatformSettingsSection").word("Version")),
	}, nil
}

// require checks for what the original requires, UserName excepted. Version may stand in either section.
func require(root *node) error {
	var missing []string
	for _, name := range []string{"ProvisioningSection", "LinuxProvisioningConfigurationSet",
		"PlatformSettingsSection", "PlatformSettings"} {
		if root.find(name) == nil {
			missing = append(missing, name)
		}
	}
	set, settings := root.find("LinuxProvisioningConfigurationSet"), root.find("PlatformSettings")
	if set != nil && set.word("HostName") == "" {
		missing = append(missing, "HostName")
	}
	if settings != nil && settings.word("ProvisionGuestAgent") == "" {
		missing = append(missing, "ProvisionGuestAgent")
	}
	if root.word("Version") == "" {
		missing = append(missing, "Version")
	}
	if missing != nil {
		return &MissingError{missing}
	}
	return nil
}

func linux(set *node) LinuxProvisioning {
	l := LinuxProvisioning{
		HostName:                         set.word("HostName"),
		UserName:                         set.word("UserName"),
		UserPassword:                     secret.New(set.raw("UserPassword")),
		AdminPassword:                    secret.New(set.raw("AdminPassword")),
		DisableSSHPasswordAuthentication: set.flag("DisableSshPasswordAuthentication"),
		CustomData:                       secret.New(strings.Join(strings.Fields(set.raw("CustomData")), "")),
		Extra:                            leaves(set, linuxNames),
	}
	for _, k := range set.all("PublicKey") {
		l.PublicKeys = append(l.PublicKeys, PublicKey{k.word("Fingerprint"), k.word("Path"), k.word("Value")})
	}
	for _, k := range set.all("KeyPair") {
		l.KeyPairs = append(l.KeyPairs, KeyPair{k.word("Fingerprint"), k.word("Path")})
	}
	return l
}

func platform(settings *node, version string) PlatformSettings {
	return PlatformSettings{
		Version:                              version,
		KMSServerHostname:                    settings.word("KmsServerHostname"),
		ProvisionGuestAgent:                  !strings.EqualFold(settings.word("ProvisionGuestAgent"), "false"),
		GuestAgentPackageName:                settings.word("GuestAgentPackageName"),
		RetainWindowsPEPassInUnattend:        settings.flag("RetainWindowsPEPassInUnattend"),
		RetainOfflineServicingPassInUnattend: settings.flag("RetainOfflineServicingPassInUnattend"),
		PreprovisionedVM:                     settings.flag("PreprovisionedVm"),
		PreprovisionedVMType:                 settings.word("PreprovisionedVMType"),
		ProvisionGuestProxyAgent:             settings.flag("ProvisionGuestProxyAgent"),
		Extra:                                leaves(settings, platformNames),
	}
}

// The elements that have a field; whatever else stands beside them is kept as Extra.
const (
	linuxNames = " ConfigurationSetType HostName UserName UserPassword AdminPassword DisableSshPasswordAuthentication" +
		" SSH CustomData "
	platformNames = " KmsServerHostname ProvisionGuestAgent GuestAgentPackageName RetainWindowsPEPassInUnattend" +
		" RetainOfflineServicingPassInUnattend PreprovisionedVm PreprovisionedVMType ProvisionGuestProxyAgent "
)

func leaves(n *node, known string) []Element {
	var extra []Element
	for _, c := range n.children {
		if len(c.children) == 0 && !strings.Contains(known, " "+c.name+" ") {
			extra = append(extra, Element{c.name, strings.TrimSpace(c.text.String())})
		}
	}
	return extra
}

// Package imds holds the instance metadata documents: data, tags, paths and header names, no behaviour. All scalars
// are JSON strings unless their type here says otherwise.
package imds

import "encoding/json"

// Address is where every VM finds the service, on port 80.
const Address = "169.254.169.254"

// Paths.
const (
	PathInstance      = "/metadata/instance"
	PathCompute       = "/metadata/instance/compute"
	PathNetwork       = "/metadata/instance/network"
	PathVersions      = "/metadata/versions"
	PathReprovision   = "/metadata/reprovisiondata"
	PathEvents        = "/metadata/scheduledevents"
	PathAttested      = "/metadata/attested/document"
	PathLoadBalancer  = "/metadata/loadbalancer"
	HeaderMetadata    = "Metadata" // the value "true" in any case
	APIVersion        = "2018-02-01"
	APIVersionProfile = "2021-12-13" // has compute.securityProfile
)

// Instance answers /metadata/instance.
type Instance struct {
	Compute  Compute   `json:"compute"`
	Network  Network   `json:"network"`
	Extended *Extended `json:"extended,omitempty"` // only with extended=true
}

// Compute answers /metadata/instance/compute. Members an older API version does not have are left out.
type Compute struct {
	AzEnvironment          string           `json:"azEnvironment,omitempty"`
	CustomData             *string          `json:"customData,omitempty"` // always empty
	EvictionPolicy         *string          `json:"evictionPolicy,omitempty"`
	IsHostCompatibilityVM  string           `json:"isHostCompatibilityLayerVm,omitempty"`
	LicenseType            *string          `json:"licenseType,omitempty"`
	Location               string           `json:"location"`
	Name                   string           `json:"name"`
	Offer                  string           `json:"offer"`
	OSProfile              *OSProfile       `json:"osProfile,omitempty"`
	OSType                 string           `json:"osType"`
	PlacementGroupID       string           `json:"placementGroupId"`
	Plan                   *Plan            `json:"plan,omitempty"`
	PlatformFaultDomain    string           `json:"platformFaultDomain"`
	PlatformSubFaultDomain *string          `json:"platformSubFaultDomain,omitempty"`
	PlatformUpdateDomain   string           `json:"platformUpdateDomain"`
	Priority               *string          `json:"priority,omitempty"`
	Provider               string           `json:"provider,omitempty"`
	PublicKeys             []PublicKey      `json:"publicKeys,omitempty"` // left out, never []: an empty list means no keys at all
	Publisher              string           `json:"publisher"`
	ResourceGroupName      string           `json:"resourceGroupName"`
	ResourceID             string           `json:"resourceId,omitempty"`
	SecurityProfile        *SecurityProfile `json:"securityProfile,omitempty"`
	SKU                    string           `json:"sku"`
	StorageProfile         json.RawMessage  `json:"storageProfile,omitempty"`
	SubscriptionID         string           `json:"subscriptionId"`
	Tags                   string           `json:"tags"` // name:value;name:value
	TagsList               []Tag            `json:"tagsList,omitempty"`
	UserData               string           `json:"userData,omitempty"` // base64
	Version                string           `json:"version"`
	VMID                   string           `json:"vmId"`
	VMScaleSetName         string           `json:"vmScaleSetName"`
	VMSize                 string           `json:"vmSize"`
	VirtualMachineScaleSet *ScaleSet        `json:"virtualMachineScaleSet,omitempty"`
	Zone                   string           `json:"zone"`
}

// OSProfile is how the VM was to be provisioned.
type OSProfile struct {
	AdminUsername                 string `json:"adminUsername"`
	ComputerName                  string `json:"computerName"`
	DisablePasswordAuthentication Bool   `json:"disablePasswordAuthentication"`
}

// PublicKey is one SSH key of the administrator.
type PublicKey struct {
	KeyData string `json:"keyData"`
	Path    string `json:"path"`
}

// Plan is a marketplace plan.
type Plan struct {
	Name      string `json:"name"`
	Product   string `json:"product"`
	Publisher string `json:"publisher"`
}

// SecurityProfile says what protects the VM; SecurityType is ConfidentialVM, TrustedLaunch or "".
type SecurityProfile struct {
	EncryptionAtHost  string `json:"encryptionAtHost,omitempty"`
	SecureBootEnabled string `json:"secureBootEnabled"`
	SecurityType      string `json:"securityType"` // "" is there too
	VirtualTPMEnabled string `json:"virtualTpmEnabled"`
}

// Tag is one tag of the VM.
type Tag struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ScaleSet is the scale set the VM is part of.
type ScaleSet struct {
	ID string `json:"id"`
}

// Network answers /metadata/instance/network.
type Network struct {
	Interfaces []Interface `json:"interface"`
}

// Interface is a NIC; their order is that of the fabric.
type Interface struct {
	IPv4       IPs    `json:"ipv4"`
	IPv6       IPs    `json:"ipv6"`
	MACAddress string `json:"macAddress"` // 12 hex digits
}

// IPs are the addresses of one family.
type IPs struct {
	Addresses []IP     `json:"ipAddress"`
	Subnets   []Subnet `json:"subnet,omitempty"`
}

// IP is an address, and the public one in front of it if there is one.
type IP struct {
	Private string  `json:"privateIpAddress"`
	Public  *string `json:"publicIpAddress,omitempty"`
}

// Subnet is a network the NIC is in.
type Subnet struct {
	Address string `json:"address"`
	Prefix  string `json:"prefix"`
}

// Extended is there with extended=true.
type Extended struct {
	Compute ExtendedCompute `json:"compute"`
}

// ExtendedCompute tells what only a provisioning agent needs.
type ExtendedCompute struct {
	HasCustomData bool   `json:"hasCustomData"` // a JSON boolean
	PPSType       string `json:"ppsType"`       // None, Running, Savable, PreprovisionedOSDisk
}

// Error is the body of a refusal.
type Error struct {
	Error string `json:"error"`
}

// VersionList answers /metadata/versions.
type VersionList struct {
	APIVersions []string `json:"apiVersions"`
}

// Bool is written as a string, as the service writes booleans, and read as a string or a JSON boolean.
type Bool bool

// MarshalJSON writes "true" or "false", as a string.
func (b Bool) MarshalJSON() ([]byte, error) {
	if b {
		return []byte(`"true"`), nil
	}
	return []byte(`"false"`), nil
}

// UnmarshalJSON reads true and "true" in any case as true and everything else as false.
func (b *Bool) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case `true`, `"true"`, `"True"`, `"TRUE"`:
		*b = true
	default:
		*b = false
	}
	return nil
}

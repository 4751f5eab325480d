package goal

import (
	"crypto/sha1"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// VM is a virtual machine as the fabric knows it. Only ID is mandatory; whatever is empty is derived from it, always
// in the same way.
type VM struct {
	ID           string   `yaml:"id" json:"id"`                           // how scripts call it
	VMID         string   `yaml:"vm_id,omitempty" json:"vm_id,omitempty"` // the SMBIOS UUID
	ContainerID  string   `yaml:"container_id,omitempty" json:"container_id,omitempty"`
	RoleInstance string   `yaml:"role_instance,omitempty" json:"role_instance,omitempty"`
	ConfigName   string   `yaml:"config_name,omitempty" json:"config_name,omitempty"`
	Addresses    []string `yaml:"addresses,omitempty" json:"addresses,omitempty"` // by which its requests are known

	Name         string            `yaml:"name,omitempty" json:"name,omitempty"` // resource and host name; "" is ID
	AdminUser    string            `yaml:"admin_user,omitempty" json:"admin_user,omitempty"`
	PublicKeys   []string          `yaml:"public_keys,omitempty" json:"public_keys,omitempty"` // nil: IMDS has no such member
	NoPassword   bool              `yaml:"no_password,omitempty" json:"no_password,omitempty"` // password login is off
	CustomData   bool              `yaml:"custom_data,omitempty" json:"custom_data,omitempty"` // hasCustomData
	UserData     string            `yaml:"user_data,omitempty" json:"user_data,omitempty"`     // base64
	Compute      map[string]string `yaml:"compute,omitempty" json:"compute,omitempty"`         // members of IMDS compute, replaced
	SecurityType string            `yaml:"security_type,omitempty" json:"security_type,omitempty"`
	NICs         []NIC             `yaml:"nics,omitempty" json:"nics,omitempty"`
	PPS          string            `yaml:"pps,omitempty" json:"pps,omitempty"` // pool type: None, Running, Savable, PreprovisionedOSDisk

	ScheduledEvents []ScheduledEvent `yaml:"scheduled_events,omitempty" json:"scheduled_events,omitempty"`

	NoFastTrack   bool     `yaml:"no_fast_track,omitempty" json:"no_fast_track,omitempty"`   // /vmSettings answers 404
	PluginVersion string   `yaml:"plugin_version,omitempty" json:"plugin_version,omitempty"` // of HostGAPlugin
	Certificates  []string `yaml:"certificates,omitempty" json:"certificates,omitempty"`     // further ones, PEM, with or without a key
	PFX           string   `yaml:"pfx,omitempty" json:"pfx,omitempty"`                       // encryption of the PKCS#12: "" (3DES), aes, plain, rc2
	OddSerial     bool     `yaml:"odd_serial,omitempty" json:"odd_serial,omitempty"`         // the bare certificate has a negative serial number
	KeyType       string   `yaml:"key_type,omitempty" json:"key_type,omitempty"`             // of the second certificate: rsa (also when ""), ec
	Initial       *State   `yaml:"initial,omitempty" json:"initial,omitempty"`               // incarnation 1; nil is an empty one
}

// NIC is a network interface of the VM.
type NIC struct {
	MAC       string   `yaml:"mac" json:"mac"`
	Addresses []string `yaml:"addresses" json:"addresses"` // IPv4, IPv6
	Prefix    int      `yaml:"prefix,omitempty" json:"prefix,omitempty"`
}

// Check fills in what is empty.
func (v *VM) Check() error {
	if v.ID == "" || strings.ContainsAny(v.ID, "/? ") {
		return errors.New("a VM needs an id without blanks, slashes and question marks")
	}
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	deployment := GUID("deployment", v.ID)
	set(&v.Name, v.ID)
	set(&v.VMID, GUID("vm", v.ID))
	set(&v.ContainerID, GUID("container", v.ID))
	set(&v.RoleInstance, deployment+"._"+v.Name)
	set(&v.ConfigName, fmt.Sprintf("%s.0.%s.0._%s.1.xml", deployment, deployment, v.Name))
	set(&v.AdminUser, "azureuser")
	set(&v.PPS, "None")
	set(&v.PluginVersion, "1.0.8.177")
	set(&v.KeyType, "rsa")
	if !slices.Contains([]string{"", "aes", "plain", "rc2"}, v.PFX) || !slices.Contains([]string{"rsa", "ec"}, v.KeyType) {
		return fmt.Errorf("VM %s: pfx %q or key_type %q is unknown", v.ID, v.PFX, v.KeyType)
	}
	for i := range v.ScheduledEvents {
		if err := v.ScheduledEvents[i].check(v, i); err != nil {
			return err
		}
	}
	if v.Initial == nil {
		v.Initial = &State{}
	}
	return v.Initial.Check()
}

// MAC is the address, from Azure's range, of a VM's NIC when its spec names none. A guest whose NIC has another one
// does not find itself in the instance metadata.
func MAC(vmID string) string {
	s := sha1.Sum([]byte(strings.ToLower(vmID)))
	return fmt.Sprintf("00:0d:3a:%02x:%02x:%02x", s[0], s[1], s[2])
}

// GUID makes a GUID that depends on its arguments only.
func GUID(kind, id string) string {
	s := sha1.Sum([]byte(kind + "/" + id))
	s[6], s[8] = s[6]&0x0f|0x50, s[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", s[:4], s[4:6], s[6:8], s[8:10], s[10:16])
}

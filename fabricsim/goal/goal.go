// Package goal is what a fabric is told to want, as people write it: virtual machines and their goal states, in YAML,
// JSON or Go. The fabric turns a State into all documents of both channels. It only describes and loads.
package goal

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Channel says over which channel a goal state reaches the agent.
type Channel string

// The channels.
const (
	Fabric    Channel = "fabric"    // WireServer: a new incarnation
	FastTrack Channel = "fasttrack" // HostGAPlugin: a new ETag, the incarnation stays
)

// State is a goal state.
type State struct {
	Channel          Channel     `yaml:"channel,omitempty" json:"channel,omitempty"` // "" is Fabric
	Extensions       []Extension `yaml:"extensions,omitempty" json:"extensions,omitempty"`
	Families         []Family    `yaml:"families,omitempty" json:"families,omitempty"` // nil: Prod, with nothing new in it
	Users            []User      `yaml:"users,omitempty" json:"users,omitempty"`       // nil: no RemoteAccess document
	OnHold           bool        `yaml:"on_hold,omitempty" json:"on_hold,omitempty"`
	RequiredFeatures []string    `yaml:"required_features,omitempty" json:"required_features,omitempty"`
	// StatusBlob is BlockBlob (also when ""), PageBlob, or none.
	StatusBlob string `yaml:"status_blob,omitempty" json:"status_blob,omitempty"`
	// StatusExpires ends the SAS of the status blob; zero is the year 9999, as on Azure.
	StatusExpires time.Time `yaml:"status_expires,omitempty" json:"status_expires,omitzero"`
	// Created is the time stamp by which the channels are compared; zero is now.
	Created       time.Time `yaml:"created,omitempty" json:"created,omitzero"`
	ActivityID    string    `yaml:"activity_id,omitempty" json:"activity_id,omitempty"`
	CorrelationID string    `yaml:"correlation_id,omitempty" json:"correlation_id,omitempty"`
	// Omit leaves parts out: ConfigName, ContainerId, RoleInstance, Certificates, ExtensionsConfig, MetaData,
	// CertificateData.
	Omit []string `yaml:"omit,omitempty" json:"omit,omitempty"`
	// Raw serves these texts, byte for byte, instead of documents of ours: goalState, extensionsConfig,
	// hostingEnvironmentConfig, sharedConfig, certificates, remoteAccess, vmSettings.
	Raw map[string]string `yaml:"raw,omitempty" json:"raw,omitempty"`
	// RawFiles names files that Load reads into Raw.
	RawFiles map[string]string `yaml:"raw_files,omitempty" json:"-"`
}

// Extension is a handler wanted on the VM.
type Extension struct {
	Name    string `yaml:"name" json:"name"`
	Version string `yaml:"version,omitempty" json:"version,omitempty"` // "" is 1.0.0
	State   string `yaml:"state,omitempty" json:"state,omitempty"`     // "" is enabled
	// Package is a folder or a zip, which Load reads. With neither it nor Files nor Zip the extension's manifest lists
	// what was put under its name before.
	Package string            `yaml:"package,omitempty" json:"-"`
	Files   map[string][]byte `yaml:"-" json:"files,omitempty"`
	Zip     []byte            `yaml:"-" json:"zip,omitempty"` // served as it is, a zip or not

	Level     int       `yaml:"level,omitempty" json:"level,omitempty"`           // dependency level; 0 says nothing
	DependsOn []string  `yaml:"depends_on,omitempty" json:"depends_on,omitempty"` // handlers; for people, agents go by level
	Settings  *Settings `yaml:"settings,omitempty" json:"settings,omitempty"`     // single-config
	Configs   []Config  `yaml:"configs,omitempty" json:"configs,omitempty"`       // multi-config

	EncodedSignature string `yaml:"encoded_signature,omitempty" json:"encoded_signature,omitempty"`
	SettingsVersion  string `yaml:"settings_version,omitempty" json:"settings_version,omitempty"` // of PluginSettings, "" is Version
}

// Settings are the settings of a single-config extension. Protected ones are encrypted to the VM's tenant certificate.
type Settings struct {
	Seq       int   `yaml:"seq" json:"seq"`
	Public    Value `yaml:"public,omitempty" json:"public,omitzero"`
	Protected Value `yaml:"protected,omitempty" json:"protected,omitzero"`
}

// Config is one extension of a multi-config handler.
type Config struct {
	Name      string `yaml:"name" json:"name"`
	Seq       int    `yaml:"seq" json:"seq"`
	State     string `yaml:"state,omitempty" json:"state,omitempty"` // "" is enabled
	Level     int    `yaml:"level,omitempty" json:"level,omitempty"`
	Public    Value  `yaml:"public,omitempty" json:"public,omitzero"`
	Protected Value  `yaml:"protected,omitempty" json:"protected,omitzero"`
}

// Family is an agent family.
type Family struct {
	Name                      string         `yaml:"name" json:"name"`
	Version                   string         `yaml:"version,omitempty" json:"version,omitempty"`
	FromVersion               string         `yaml:"from_version,omitempty" json:"from_version,omitempty"`
	IsVersionFromRSM          *bool          `yaml:"is_version_from_rsm,omitempty" json:"is_version_from_rsm,omitempty"`
	IsVMEnabledForRSMUpgrades *bool          `yaml:"is_vm_enabled_for_rsm_upgrades,omitempty" json:"is_vm_enabled_for_rsm_upgrades,omitempty"`
	Packages                  []AgentPackage `yaml:"packages,omitempty" json:"packages,omitempty"`
	NoURIs                    bool           `yaml:"no_uris,omitempty" json:"no_uris,omitempty"`
}

// AgentPackage is a version of the agent that the family's manifest offers.
type AgentPackage struct {
	Version   string            `yaml:"version" json:"version"`
	Package   string            `yaml:"package,omitempty" json:"-"`
	Files     map[string][]byte `yaml:"-" json:"files,omitempty"`
	Zip       []byte            `yaml:"-" json:"zip,omitempty"`
	Signature string            `yaml:"signature,omitempty" json:"signature,omitempty"`
}

// User is a just-in-time user.
type User struct {
	Name     string    `yaml:"name" json:"name"`
	Password string    `yaml:"password" json:"password"`
	Expires  time.Time `yaml:"expires,omitempty" json:"expires,omitzero"` // zero: a day from now
	Groups   []string  `yaml:"groups,omitempty" json:"groups,omitempty"`
	// RawPassword and RawExpiration replace the values in the document.
	RawPassword   string `yaml:"raw_password,omitempty" json:"raw_password,omitempty"`
	RawExpiration string `yaml:"raw_expiration,omitempty" json:"raw_expiration,omitempty"`
}

// OmitNames and RawNames are what State.Omit and State.Raw may hold.
func OmitNames() []string {
	return []string{"ConfigName", "ContainerId", "RoleInstance", "Certificates", "ExtensionsConfig", "MetaData", "CertificateData"}
}

// RawNames are the keys of State.Raw.
func RawNames() []string {
	return []string{"goalState", "extensionsConfig", "hostingEnvironmentConfig", "sharedConfig", "certificates", "remoteAccess", "vmSettings"}
}

// Check fills in defaults and says what makes no sense. Nonsense that a real fabric could send is no error: that is
// what Raw is for.
func (s *State) Check() error {
	switch s.Channel {
	case "":
		s.Channel = Fabric
	case Fabric, FastTrack:
	default:
		return fmt.Errorf("channel %q is neither fabric nor fasttrack", s.Channel)
	}
	switch s.StatusBlob {
	case "":
		s.StatusBlob = "BlockBlob"
	case "BlockBlob", "PageBlob", "none":
	default:
		return fmt.Errorf("status_blob %q is none of BlockBlob, PageBlob, none", s.StatusBlob)
	}
	for i := range s.Extensions {
		if err := s.Extensions[i].check(); err != nil {
			return err
		}
	}
	for name := range s.Raw {
		if !slices.Contains(RawNames(), name) {
			return fmt.Errorf("raw document %q is none of %v", name, RawNames())
		}
	}
	for _, name := range s.Omit {
		if !slices.Contains(OmitNames(), name) {
			return fmt.Errorf("omit %q is none of %v", name, OmitNames())
		}
	}
	return nil
}

func (e *Extension) check() error {
	if e.Name == "" {
		return errors.New("an extension has no name")
	}
	if e.Settings != nil && len(e.Configs) > 0 {
		return fmt.Errorf("extension %s has both settings and configs", e.Name)
	}
	if e.Version == "" {
		e.Version = "1.0.0"
	}
	if e.State == "" {
		e.State = "enabled"
	}
	for i := range e.Configs {
		if e.Configs[i].State == "" {
			e.Configs[i].State = "enabled"
		}
	}
	return nil
}

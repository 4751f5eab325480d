// Package handler holds the JSON files that the agent and extension handlers share on disk: the package's manifest,
// the handler's environment, settings, status and heartbeat. Data and tags only.
package handler

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/waagent-go/waagent/agent/protocol/secret"
)

// File names inside a handler's folder.
const (
	ManifestFile    = "HandlerManifest.json"
	EnvironmentFile = "HandlerEnvironment.json"
	HeartbeatFile   = "heartbeat.log"
	StateFile       = "HandlerState"  // in the configuration folder
	StatusFile      = "HandlerStatus" // in the configuration folder
	ConfigFolder    = "config"
	StatusFolder    = "status"
	EventsFolder    = "events"
)

// Manifest is HandlerManifest.json: an array of one such object, or (agent packages) the object itself.
type Manifest struct {
	Name           string          `json:"name,omitempty"`
	Version        json.RawMessage `json:"version,omitempty"` // informational: a number or a text
	Handler        *HandlerSection `json:"handlerManifest,omitempty"`
	ResourceLimits *ResourceLimits `json:"resourceLimits,omitempty"`
	SigningInfo    *SigningInfo    `json:"signingInfo,omitempty"`
	Implementation string          `json:"implementation,omitempty"` // "waagent-go" in packages of this agent
}

// Manifests is the content of HandlerManifest.json.
type Manifests []Manifest

// UnmarshalJSON reads an array of manifests or a single one.
func (m *Manifests) UnmarshalJSON(data []byte) error {
	if t := bytes.TrimLeft(data, " \t\r\n"); len(t) > 0 && t[0] == '{' {
		var one Manifest
		if err := json.Unmarshal(data, &one); err != nil {
			return err
		}
		*m = Manifests{one}
		return nil
	}
	return json.Unmarshal(data, (*[]Manifest)(m))
}

// HandlerSection says which commands the package has, relative to its folder. Nil is absent.
type HandlerSection struct {
	Install                    *string `json:"installCommand,omitempty"`
	Uninstall                  *string `json:"uninstallCommand,omitempty"`
	Update                     *string `json:"updateCommand,omitempty"`
	Enable                     *string `json:"enableCommand,omitempty"`
	Disable                    *string `json:"disableCommand,omitempty"`
	ReportHeartbeat            Flag    `json:"reportHeartbeat,omitempty"`
	ContinueOnUpdateFailure    Flag    `json:"continueOnUpdateFailure,omitempty"`
	SupportsMultipleExtensions Flag    `json:"supportsMultipleExtensions,omitempty"`
	RebootAfterInstall         Flag    `json:"rebootAfterInstall,omitempty"` // ignored by agents
	UpdateMode                 string  `json:"updateMode,omitempty"`         // UpdateWithInstall, in any case
}

// Flag is a boolean, or the text "true" in any case; whatever else is false, as packages in the field rely on.
type Flag bool

// UnmarshalJSON never fails on valid JSON.
func (f *Flag) UnmarshalJSON(data []byte) error {
	*f = Flag(strings.EqualFold(strings.Trim(string(data), `"`), "true"))
	return nil
}

// ResourceLimits bound a handler and the services it starts.
type ResourceLimits struct {
	CPUQuotaPercentage *float64       `json:"cpuQuotaPercentage,omitempty"`
	MemoryQuotaInMB    *float64       `json:"memoryQuotaInMB,omitempty"`
	Services           []ServiceLimit `json:"services,omitempty"`
}

// ServiceLimit bounds one systemd unit.
type ServiceLimit struct {
	Name               string   `json:"name"`
	CPUQuotaPercentage *float64 `json:"cpuQuotaPercentage,omitempty"`
	MemoryQuotaInMB    *float64 `json:"memoryQuotaInMB,omitempty"`
}

// SigningInfo says who signed the package.
type SigningInfo struct {
	Type      string `json:"type"`
	Publisher string `json:"publisher"`
	Version   string `json:"version"`
}

// Environment is HandlerEnvironment.json: an array of one. A shell shim in the field cuts logFolder out of the text,
// so it stays first, with one space after its colon.
type Environment struct {
	Name    string             `json:"name"`
	Version json.Number        `json:"version"` // 1.0
	Handler EnvironmentSection `json:"handlerEnvironment"`
}

// EnvironmentSection says where a handler finds its folders.
type EnvironmentSection struct {
	LogFolder           string `json:"logFolder"`
	ConfigFolder        string `json:"configFolder"`
	StatusFolder        string `json:"statusFolder"`
	HeartbeatFile       string `json:"heartbeatFile"`
	EventsFolder        string `json:"eventsFolder,omitempty"`
	EventsFolderPreview string `json:"eventsFolder_preview,omitempty"`
}

// Settings is config/<seq>.settings or config/<name>.<seq>.settings.
type Settings struct {
	Runtime []RuntimeSettings `json:"runtimeSettings"`
}

// RuntimeSettings wraps the settings of one extension.
type RuntimeSettings struct {
	Handler *HandlerSettings `json:"handlerSettings"`
}

// HandlerSettings are an extension's settings; in the file all three members are there, null when absent. Public is
// raw so that key order and big numbers survive.
type HandlerSettings struct {
	Public     json.RawMessage `json:"publicSettings"`
	Protected  secret.Text     `json:"protectedSettings"` // base64 of a CMS message to the tenant certificate
	Thumbprint *string         `json:"protectedSettingsCertThumbprint"`
}

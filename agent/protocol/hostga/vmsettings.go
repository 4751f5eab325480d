package hostga

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/waagent-go/waagent/agent/protocol/secret"
)

// VMSettings answers GET /vmSettings, with an ETag of decimal digits.
type VMSettings struct {
	HostGAPluginVersion string               `json:"hostGAPluginVersion"`
	SchemaVersion       string               `json:"vmSettingsSchemaVersion"`
	ActivityID          string               `json:"activityId"`
	CorrelationID       string               `json:"correlationId"`
	InSvdSeqNo          json.RawMessage      `json:"inSvdSeqNo,omitempty"`                      // a number; nil when absent
	CreatedOnTicks      json.Number          `json:"extensionsLastModifiedTickCount,omitempty"` // a number, or one as text
	Source              string               `json:"extensionGoalStatesSource"`                 // Fabric or FastTrack
	OnHold              Bool                 `json:"onHold"`
	StatusUploadBlob    *StatusBlob          `json:"statusUploadBlob"`
	RequiredFeatures    []RequiredFeature    `json:"requiredFeatures"`
	Families            []GAFamily           `json:"gaFamilies"`
	Extensions          []ExtensionGoalState `json:"extensionGoalStates"`
}

// Values of VMSettings.Source.
const (
	SourceFabric    = "Fabric"
	SourceFastTrack = "FastTrack"
)

// Bool is a JSON boolean, or its name as text in any case.
type Bool bool

// UnmarshalJSON reads true, false, "true" and "false"; null leaves b as it is.
func (b *Bool) UnmarshalJSON(data []byte) error {
	switch strings.ToLower(string(bytes.Trim(data, `"`))) {
	case "true":
		*b = true
	case "false":
		*b = false
	case "null":
	default:
		return fmt.Errorf("%.40s is no boolean", data)
	}
	return nil
}

// StatusBlob is where the VM's status goes.
type StatusBlob struct {
	URI  secret.Text `json:"value"`
	Type string      `json:"statusBlobType"` // BlockBlob (also when absent) or PageBlob
}

// RequiredFeature is something an agent must know to process the goal state.
type RequiredFeature struct {
	Name string `json:"name"`
}

// GAFamily is an agent family; a nil flag is absent, which is not false.
type GAFamily struct {
	Name                      string      `json:"name"`
	Version                   string      `json:"version"`
	FromVersion               string      `json:"fromVersion"`
	IsVersionFromRSM          *Bool       `json:"isVersionFromRSM"`
	IsVMEnabledForRSMUpgrades *Bool       `json:"isVMEnabledForRSMUpgrades"`
	URIs                      []string    `json:"uris"`
	Signatures                []Signature `json:"versionToSignatureMappings"`
}

// Signature is the signature of one version of an agent family's package.
type Signature struct {
	Version          string `json:"version"`
	EncodedSignature string `json:"encodedSignature"`
}

// ExtensionGoalState is an extension handler wanted on the VM.
type ExtensionGoalState struct {
	Name                string      `json:"name"`
	Version             string      `json:"version"`
	State               string      `json:"state"` // enabled, disabled, uninstall
	Location            string      `json:"location"`
	FailoverLocation    string      `json:"failoverLocation"`
	AdditionalLocations []string    `json:"additionalLocations"`
	EncodedSignature    string      `json:"encodedSignature"`
	IsMultiConfig       Bool        `json:"isMultiConfig"`
	SettingsSeqNo       *int        `json:"settingsSeqNo"`
	Settings            []Settings  `json:"settings"`
	DependsOn           []DependsOn `json:"dependsOn"`
}

// Settings are one extension's settings. The last three members are mandatory in multi-config and absent otherwise.
type Settings struct {
	Public         *string     `json:"publicSettings"` // a JSON document as a string; nil when absent
	Protected      secret.Text `json:"protectedSettings"`
	Thumbprint     string      `json:"protectedSettingsCertThumbprint"`
	ExtensionName  *string     `json:"extensionName"`
	SeqNo          *int        `json:"seqNo"`
	ExtensionState *string     `json:"extensionState"`
}

// DependsOn orders extensions; only the level counts.
type DependsOn struct {
	Name  string `json:"name"` // multi-config: the extension it belongs to
	Level int    `json:"dependencyLevel"`
	On    []struct {
		Handler   string `json:"handler"`
		Extension string `json:"extension"`
	} `json:"dependsOnExtension"`
}

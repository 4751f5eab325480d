package wireserver

import (
	"encoding/json"
	"encoding/xml"

	"github.com/waagent-go/waagent/agent/protocol/secret"
)

// ExtensionsConfig answers type=extensionsConfig: extensions, agent families and the status blob.
type ExtensionsConfig struct {
	XMLName          xml.Name          `xml:"Extensions"`
	Version          string            `xml:"version,attr"`
	Families         []GAFamily        `xml:"GuestAgentExtension>GAFamilies>GAFamily"`
	RequiredFeatures []RequiredFeature `xml:"RequiredFeatures>RequiredFeature"`
	Plugins          []Plugin          `xml:"Plugins>Plugin"`
	PluginSettings   []PluginSettings  `xml:"PluginSettings>Plugin"`
	StatusUploadBlob *Blob             `xml:"StatusUploadBlob"`
	ArtifactsProfile *Blob             `xml:"InVMArtifactsProfileBlob"`
	MetaData         *MetaData         `xml:"InVMGoalStateMetaData"`
}

// GAFamily is an agent family. The flags are "true" or "false" in any case; nil (absent) is not false.
type GAFamily struct {
	Name                      string      `xml:"Name"`
	Version                   string      `xml:"Version"`
	FromVersion               string      `xml:"FromVersion"`
	IsVersionFromRSM          *string     `xml:"IsVersionFromRSM"`
	IsVMEnabledForRSMUpgrades *string     `xml:"IsVMEnabledForRSMUpgrades"`
	URIs                      []string    `xml:"Uris>Uri"`
	Signatures                []Signature `xml:"VersionToSignatureMappings>GASignature"`
}

// Signature is the signature of one version of an agent family's package.
type Signature struct {
	Version          string `xml:"Version"`
	EncodedSignature string `xml:"EncodedSignature"`
}

// RequiredFeature is something an agent must know to process the goal state.
type RequiredFeature struct {
	Name  string `xml:"Name"`
	Value string `xml:"Value"`
}

// Plugin is an extension handler wanted on the VM.
type Plugin struct {
	Name                string   `xml:"name,attr"`
	Version             string   `xml:"version,attr"`
	State               string   `xml:"state,attr"` // enabled, disabled, uninstall
	Location            string   `xml:"location,attr"`
	FailoverLocation    string   `xml:"failoverlocation,attr"`
	EncodedSignature    string   `xml:"encodedSignature,attr"`
	AdditionalLocations []string `xml:"additionalLocations>additionalLocation"`
}

// PluginSettings are the settings of the Plugin of the same name (in any case) and version.
type PluginSettings struct {
	Name                     string                     `xml:"name,attr"`
	Version                  string                     `xml:"version,attr"`
	DependsOn                []DependsOn                `xml:"DependsOn"`
	RuntimeSettings          []RuntimeSettings          `xml:"RuntimeSettings"`          // single-config: exactly one
	ExtensionRuntimeSettings []ExtensionRuntimeSettings `xml:"ExtensionRuntimeSettings"` // multi-config
}

// DependsOn orders extensions; only the level counts.
type DependsOn struct {
	Level string `xml:"dependencyLevel,attr"`
	Name  string `xml:"name,attr"` // multi-config: the extension it belongs to
	On    []struct {
		Handler   string `xml:"handler,attr"`
		Extension string `xml:"extension,attr"`
	} `xml:"DependsOnExtension"`
}

// RuntimeSettings is the settings document of a single-config handler; Text is JSON, a SettingsDocument.
type RuntimeSettings struct {
	SeqNo *string     `xml:"seqNo,attr"`
	Text  secret.Text `xml:",chardata"`
}

// ExtensionRuntimeSettings is the settings document of one extension of a multi-config handler.
type ExtensionRuntimeSettings struct {
	SeqNo *string     `xml:"seqNo,attr"`
	Name  string      `xml:"name,attr"`
	State string      `xml:"state,attr"` // "" is enabled
	Text  secret.Text `xml:",chardata"`
}

// SettingsDocument is the text of RuntimeSettings and of a settings file.
type SettingsDocument struct {
	RuntimeSettings []struct {
		HandlerSettings *HandlerSettings `json:"handlerSettings"`
	} `json:"runtimeSettings"`
}

// HandlerSettings are one extension's settings. Public is as sent, so that key order and big numbers survive.
type HandlerSettings struct {
	Public     json.RawMessage `json:"publicSettings,omitempty"`
	Protected  secret.Text     `json:"protectedSettings,omitzero"` // base64 of a CMS message to the tenant certificate
	Thumbprint string          `json:"protectedSettingsCertThumbprint,omitempty"`
}

// Blob is a SAS URL and the kind of blob behind it, BlockBlob or PageBlob.
type Blob struct {
	Type string      `xml:"statusBlobType,attr"`
	URI  secret.Text `xml:",chardata"`
}

// MetaData says when and for which operation of the platform the document was made.
type MetaData struct {
	InSvdSeqNo     string `xml:"inSvdSeqNo,attr"`
	CreatedOnTicks string `xml:"createdOnTicks,attr"` // 100 ns since the year 1
	ActivityID     string `xml:"activityId,attr"`
	CorrelationID  string `xml:"correlationId,attr"`
}

// Manifest is what the manifest URIs of extensions and agent families answer: which versions there are, and where.
type Manifest struct {
	XMLName         xml.Name          `xml:"PluginVersionManifest"`
	Plugins         []ManifestVersion `xml:"Plugins>Plugin"`
	InternalPlugins []ManifestVersion `xml:"InternalPlugins>Plugin"` // treated like Plugins
}

// ManifestVersion is one version of a package.
type ManifestVersion struct {
	Version                     string   `xml:"Version"`
	URIs                        []string `xml:"Uris>Uri"`
	DisallowMajorVersionUpgrade string   `xml:"DisallowMajorVersionUpgrade"`
}

// ArtifactsProfile is what InVMArtifactsProfileBlob answers, with blanks or NULs after it. OnHold is a boolean or the
// text "true" or "false".
type ArtifactsProfile struct {
	OnHold json.RawMessage `json:"onHold,omitempty"`
}

// RemoteAccess answers the RemoteAccessInfo URI: just-in-time users.
type RemoteAccess struct {
	XMLName     xml.Name           `xml:"RemoteAccess"`
	Version     string             `xml:"Version"`
	Incarnation string             `xml:"Incarnation"`
	Users       []RemoteAccessUser `xml:"Users>User"`
}

// RemoteAccessUser is one just-in-time user.
type RemoteAccessUser struct {
	Name       string      `xml:"Name"`
	Password   secret.Text `xml:"Password"`   // base64 of a CMS message to the transport certificate, UTF-16 inside
	Expiration string      `xml:"Expiration"` // Mon, 23 Nov 2026 11:00:00 GMT
	Groups     []string    `xml:"Groups>GroupName"`
}

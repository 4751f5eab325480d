package documents

import (
	"fmt"

	"github.com/waagent-go/waagent/fabricsim/goal"
)

type vmSettings struct {
	HostGAPluginVersion string       `json:"hostGAPluginVersion"`
	SchemaVersion       string       `json:"vmSettingsSchemaVersion"`
	ActivityID          string       `json:"activityId"`
	CorrelationID       string       `json:"correlationId"`
	InSvdSeqNo          int          `json:"inSvdSeqNo"`
	Ticks               *int64       `json:"extensionsLastModifiedTickCount,omitempty"`
	Source              string       `json:"extensionGoalStatesSource"`
	OnHold              bool         `json:"onHold"`
	StatusUploadBlob    *statusBlob  `json:"statusUploadBlob,omitempty"`
	InVMMetadata        inVMMetadata `json:"inVMMetadata"`
	RequiredFeatures    []feature    `json:"requiredFeatures,omitempty"`
	Families            []family     `json:"gaFamilies"`
	Extensions          []extension  `json:"extensionGoalStates,omitempty"`
}

type statusBlob struct {
	Type  string `json:"statusBlobType"`
	Value string `json:"value"`
}

// inVMMetadata is there in real documents; agents ignore it.
type inVMMetadata struct {
	SubscriptionID string `json:"subscriptionId"`
	ResourceGroup  string `json:"resourceGroupName"`
	VMName         string `json:"vmName"`
	OSType         string `json:"osType"`
}

type feature struct {
	Name string `json:"name"`
}

type family struct {
	Name                      string      `json:"name"`
	Version                   string      `json:"version,omitempty"`
	FromVersion               string      `json:"fromVersion,omitempty"`
	IsVersionFromRSM          *bool       `json:"isVersionFromRSM,omitempty"`
	IsVMEnabledForRSMUpgrades *bool       `json:"isVMEnabledForRSMUpgrades,omitempty"`
	URIs                      []string    `json:"uris"`
	Signatures                []signature `json:"versionToSignatureMappings,omitempty"`
}

type signature struct {
	Version string `json:"version"`
	Text    string `json:"encodedSignature"`
}

type extension struct {
	Name                string      `json:"name"`
	Version             string      `json:"version"`
	Location            string      `json:"location,omitempty"`
	FailoverLocation    string      `json:"failoverlocation,omitempty"`
	AdditionalLocations []string    `json:"additionalLocations,omitempty"`
	EncodedSignature    string      `json:"encodedSignature,omitempty"`
	State               string      `json:"state"`
	AutoUpgrade         bool        `json:"autoUpgrade"`
	RunAsStartupTask    bool        `json:"runAsStartupTask"`
	IsJSON              bool        `json:"isJson"`
	UseExactVersion     bool        `json:"useExactVersion"`
	IsMultiConfig       bool        `json:"isMultiConfig,omitempty"`
	SettingsSeqNo       *int        `json:"settingsSeqNo,omitempty"`
	Settings            []settings  `json:"settings,omitempty"`
	DependsOn           []dependsOn `json:"dependsOn,omitempty"`
}

type settings struct {
	Thumbprint     string  `json:"protectedSettingsCertThumbprint,omitempty"`
	Protected      string  `json:"protectedSettings,omitempty"`
	Public         *string `json:"publicSettings,omitempty"`
	SeqNo          *int    `json:"seqNo,omitempty"`
	ExtensionName  string  `json:"extensionName,omitempty"`
	ExtensionState string  `json:"extensionState,omitempty"`
}

type dependsOn struct {
	Name  string    `json:"name,omitempty"`
	On    []handler `json:"DependsOnExtension,omitempty"`
	Level int       `json:"dependencyLevel"`
}

type handler struct {
	Handler string `json:"handler"`
}

// VMSettings answers HostGAPlugin's /vmSettings; the source is Fabric or FastTrack.
func VMSettings(id Identity, g Goal, source string) (string, error) {
	if raw, ok := g.State.Raw["vmSettings"]; ok {
		return raw, nil
	}
	doc := vmSettings{
		HostGAPluginVersion: g.PluginVersion,
		SchemaVersion:       "0.0",
		ActivityID:          orNull(g.State.ActivityID),
		CorrelationID:       orNull(g.State.CorrelationID),
		InSvdSeqNo:          g.SvdSeqNo,
		Source:              source,
		OnHold:              g.State.OnHold,
		InVMMetadata:        inVMMetadata{"00000000-0000-0000-0000-000000000001", "fabricsim", id.Name, "linux"},
		Families:            []family{},
	}
	if ticks := Ticks(g.Created); !Omits(g.State, "MetaData") {
		doc.Ticks = &ticks
	}
	if g.StatusURL != "" {
		doc.StatusUploadBlob = &statusBlob{g.State.StatusBlob, g.StatusURL}
	}
	for _, name := range g.State.RequiredFeatures {
		doc.RequiredFeatures = append(doc.RequiredFeatures, feature{name})
	}
	for _, f := range g.State.Families {
		doc.Families = append(doc.Families, familyOf(f, g.FamilyURLs(f.Name)))
	}
	for _, e := range g.State.Extensions {
		x, err := extensionOf(e, g)
		if err != nil {
			return "", fmt.Errorf("settings of %s: %w", e.Name, err)
		}
		doc.Extensions = append(doc.Extensions, x)
	}
	return compact(doc)
}

func familyOf(f goal.Family, urls []string) family {
	x := family{
		Name: f.Name, Version: f.Version, FromVersion: f.FromVersion, IsVersionFromRSM: f.IsVersionFromRSM,
		IsVMEnabledForRSMUpgrades: f.IsVMEnabledForRSMUpgrades, URIs: urls,
	}
	if x.URIs == nil {
		x.URIs = []string{}
	}
	for _, p := range signatures(f) {
		x.Signatures = append(x.Signatures, signature{p.Version, p.Signature})
	}
	return x
}

func extensionOf(e goal.Extension, g Goal) (extension, error) {
	x := extension{
		Name: e.Name, Version: e.Version, State: e.State, EncodedSignature: e.EncodedSignature, AutoUpgrade: true,
		IsJSON: true, UseExactVersion: true, IsMultiConfig: len(e.Configs) > 0,
	}
	urls := g.ManifestURLs(e.Name)
	if len(urls) > 0 {
		x.Location = urls[0]
	}
	if len(urls) > 1 {
		x.FailoverLocation, x.AdditionalLocations = urls[1], urls[2:]
	}
	if e.Level != 0 {
		d := dependsOn{Level: e.Level}
		for _, h := range e.DependsOn {
			d.On = append(d.On, handler{h})
		}
		x.DependsOn = append(x.DependsOn, d)
	}
	if s := e.Settings; s != nil {
		x.SettingsSeqNo = &s.Seq
		one, err := settingsOf(s.Public, s.Protected, g)
		if err != nil {
			return x, err
		}
		x.Settings = append(x.Settings, one)
	}
	for _, c := range e.Configs {
		one, err := settingsOf(c.Public, c.Protected, g)
		if err != nil {
			return x, err
		}
		one.SeqNo, one.ExtensionName, one.ExtensionState = &c.Seq, c.Name, c.State
		x.Settings = append(x.Settings, one)
		if c.Level != 0 {
			x.DependsOn = append(x.DependsOn, dependsOn{Name: c.Name, Level: c.Level})
		}
	}
	return x, nil
}

func settingsOf(public, protected goal.Value, g Goal) (settings, error) {
	message, thumbprint, err := g.Protect(protected)
	s := settings{Protected: message, Thumbprint: thumbprint}
	if text := public.Text(); text != "" {
		s.Public = &text
	}
	return s, err
}

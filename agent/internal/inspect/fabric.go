package inspect

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/protocol/hostga"
	"github.com/waagent-go/waagent/agent/protocol/redact"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

type versionsView struct {
	Preferred string   `json:"preferred"`
	Supported []string `json:"supported"`
}

func versions(data []byte) (v versionsView, err error) {
	var d wireserver.Versions
	err = fabric.DecodeXML(data, &d)
	return versionsView{d.Preferred, d.Supported}, err
}

type goalStateView struct {
	Incarnation    string            `json:"incarnation"`
	ContainerID    string            `json:"containerId"`
	RoleInstanceID string            `json:"roleInstanceId"`
	ConfigName     string            `json:"configName"`
	Documents      map[string]string `json:"documents"`
}

func goalState(data []byte) (v goalStateView, err error) {
	var d wireserver.GoalState
	if err := fabric.DecodeXML(data, &d); err != nil {
		return v, err
	}
	v = goalStateView{Incarnation: d.Incarnation, ContainerID: d.Container.ContainerID, Documents: map[string]string{}}
	add := func(name, uri string) {
		if uri = strings.TrimSpace(uri); uri != "" {
			v.Documents[name] = redact.SAS(uri)
		}
	}
	add("remoteAccessInfo", d.Container.RemoteAccessInfo)
	if d.Incarnation == "" || len(d.Container.RoleInstances) == 0 {
		return v, errors.New("there is no Incarnation or no RoleInstance in it, so it is asked for again")
	}
	r := d.Container.RoleInstances[0]
	v.RoleInstanceID, v.ConfigName = r.InstanceID, r.Configuration.ConfigName
	add("hostingEnvironmentConfig", r.Configuration.HostingEnvironmentConfig)
	add("sharedConfig", r.Configuration.SharedConfig)
	add("extensionsConfig", r.Configuration.ExtensionsConfig)
	add("fullConfig", r.Configuration.FullConfig)
	add("certificates", r.Configuration.Certificates)
	return v, nil
}

type wantedView struct {
	Families         []familyView    `json:"agentFamilies"`
	Extensions       []extensionView `json:"extensions"`
	StatusBlob       *blobView       `json:"statusBlob"`
	RequiredFeatures []string        `json:"requiredFeatures"`
	OnHold           *bool           `json:"onHold"` // null: the artifacts profile says
	ArtifactsProfile string          `json:"artifactsProfile,omitempty"`
	ActivityID       string          `json:"activityId"`
	CorrelationID    string          `json:"correlationId"`
	CreatedOn        string          `json:"createdOn"`
	Source           string          `json:"source,omitempty"`
	InSvdSeqNo       any             `json:"inSvdSeqNo,omitempty"`
	PluginVersion    string          `json:"hostGAPluginVersion,omitempty"`
}

type familyView struct {
	Name        string   `json:"name"`
	Version     string   `json:"version"`
	FromVersion string   `json:"fromVersion"`
	FromRSM     *bool    `json:"isVersionFromRSM"`
	EnabledRSM  *bool    `json:"isVMEnabledForRSMUpgrades"`
	URIs        []string `json:"uris"`
}

type extensionView struct {
	Name             string         `json:"name"`
	Version          string         `json:"version"`
	State            string         `json:"state"`
	ManifestURIs     []string       `json:"manifestUris"`
	EncodedSignature string         `json:"encodedSignature"`
	MultiConfig      bool           `json:"supportsMultiConfig"`
	InvalidReason    string         `json:"invalidReason,omitempty"`
	Settings         []settingsView `json:"settings"`
}

type settingsView struct {
	Name         string          `json:"name,omitempty"`
	Seq          int             `json:"seq"`
	State        string          `json:"state"`
	Level        int             `json:"dependencyLevel"`
	Public       json.RawMessage `json:"publicSettings"`
	HasProtected bool            `json:"hasProtectedSettings"`
	Thumbprint   string          `json:"certificateThumbprint,omitempty"`
}

type blobView struct {
	URI  string `json:"uri"`
	Type string `json:"type"`
}

func view(w goalstate.Wanted) wantedView {
	v := wantedView{
		Families: []familyView{}, Extensions: []extensionView{}, RequiredFeatures: orEmpty(w.RequiredFeatures),
		ActivityID: w.ActivityID, CorrelationID: w.CorrelationID, CreatedOn: w.Created.UTC().Format(time.RFC3339Nano),
	}
	if !w.StatusBlob.URI.IsZero() {
		v.StatusBlob = &blobView{hidden(w.StatusBlob.URI.Reveal()), w.StatusBlob.Type}
	}
	for _, f := range w.Families {
		v.Families = append(v.Families, familyView{f.Name, f.Version, f.FromVersion, f.IsVersionFromRSM, f.IsVMEnabledForRSMUpgrades, redacted(f.URIs)})
	}
	for _, h := range w.Handlers {
		e := extensionView{
			Name: h.Name, Version: h.Version, State: string(h.State), ManifestURIs: redacted(h.ManifestURIs),
			EncodedSignature: h.EncodedSignature, MultiConfig: h.MultiConfig, InvalidReason: h.Invalid, Settings: []settingsView{},
		}
		for _, s := range h.Settings {
			e.Settings = append(e.Settings, settingsView{
				s.Name, s.Seq, string(s.State), s.DependencyLevel, s.Public, !s.Protected.IsZero(), s.Thumbprint,
			})
		}
		v.Extensions = append(v.Extensions, e)
	}
	return v
}

// hidden is a URL whose query is a secret, whatever it holds.
func hidden(uri string) string {
	head, _, found := strings.Cut(uri, "?")
	if !found {
		return uri
	}
	return head + "?" + redact.Mark
}

func redacted(uris []string) []string {
	list := []string{}
	for _, u := range uris {
		list = append(list, redact.SAS(u))
	}
	return list
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func extensionsConfig(data []byte) (wantedView, error) {
	w, profile, err := goalstate.ParseExtensionsConfig(data, "")
	v := view(w)
	v.ArtifactsProfile = hidden(profile.Reveal())
	return v, err
}

func vmSettings(data []byte) (wantedView, error) {
	w, err := goalstate.ParseVMSettings(data, "")
	if err != nil {
		return wantedView{}, err
	}
	var head hostga.VMSettings
	if err := json.Unmarshal(fabric.TrimBOM(data), &head); err != nil {
		return wantedView{}, err
	}
	v := view(w)
	v.OnHold, v.Source, v.InSvdSeqNo, v.PluginVersion = &w.OnHold, string(w.Source), w.SvdSeqNo, head.HostGAPluginVersion
	return v, nil
}

type hostingView struct {
	VMName         string `json:"vmName"`
	RoleName       string `json:"roleName"`
	DeploymentName string `json:"deploymentName"`
}

func hostingEnvironment(data []byte) (hostingView, error) {
	var d wireserver.HostingEnvironment
	err := fabric.DecodeXML(data, &d)
	return hostingView{d.Incarnation.Instance, d.Role.Name, d.Deployment.Name}, err
}

type sharedView struct {
	DeploymentName string         `json:"deploymentName"`
	Instances      []instanceView `json:"instances"`
}

type instanceView struct {
	ID      string `json:"id"`
	Address string `json:"address"`
}

func sharedConfig(data []byte) (sharedView, error) {
	var d wireserver.SharedConfig
	err := fabric.DecodeXML(data, &d)
	v := sharedView{d.Deployment.Name, []instanceView{}}
	for _, i := range d.Instances {
		v.Instances = append(v.Instances, instanceView{i.ID, i.Address})
	}
	return v, err
}

type manifestView struct {
	Versions []versionView `json:"versions"`
}

type versionView struct {
	Version  string   `json:"version"`
	URIs     []string `json:"uris"`
	Internal bool     `json:"internal"`
}

func manifest(data []byte) (manifestView, error) {
	var d wireserver.Manifest
	err := fabric.DecodeXML(data, &d)
	v := manifestView{[]versionView{}}
	for i, p := range append(d.Plugins, d.InternalPlugins...) {
		v.Versions = append(v.Versions, versionView{p.Version, redacted(p.URIs), i >= len(d.Plugins)})
	}
	return v, err
}

type profileView struct {
	OnHold bool `json:"onHold"`
}

func artifactsProfile(data []byte) (profileView, error) {
	hold, err := goalstate.ParseArtifactsProfile(data)
	return profileView{hold}, err
}

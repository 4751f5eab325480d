package wireserver

import "encoding/xml"

// Health is the body of POST /machine?comp=health: whether the VM came up. Marshal it with the XML declaration in
// front and no white space between the elements.
type Health struct {
	XMLName     xml.Name        `xml:"Health"`
	XSI         string          `xml:"xmlns:xsi,attr,omitempty"`
	XSD         string          `xml:"xmlns:xsd,attr,omitempty"`
	Incarnation string          `xml:"GoalStateIncarnation"`
	Container   HealthContainer `xml:"Container"`
}

// The namespaces the original declares in Health.
const (
	NamespaceXSI = "http://www.w3.org/2001/XMLSchema-instance"
	NamespaceXSD = "http://www.w3.org/2001/XMLSchema"
)

// HealthContainer is the container that health is reported of.
type HealthContainer struct {
	ContainerID string       `xml:"ContainerId"`
	Roles       []HealthRole `xml:"RoleInstanceList>Role"`
}

// HealthRole is the role instance that health is reported of.
type HealthRole struct {
	InstanceID string         `xml:"InstanceId"`
	State      string         `xml:"Health>State"`
	Details    *HealthDetails `xml:"Health>Details,omitempty"`
}

// HealthDetails say what a VM that is not ready is doing. A Description is at most MaxDescription characters.
type HealthDetails struct {
	SubStatus   string `xml:"SubStatus"`
	Description string `xml:"Description"`
}

// Health states and sub-statuses.
const (
	Ready              = "Ready"
	NotReady           = "NotReady"
	Provisioning       = "Provisioning"
	ProvisioningFailed = "ProvisioningFailed"
)

// MaxDescription is how many characters of a description agents send, before escaping; the fabric takes 4096 bytes.
const MaxDescription = 3686

// RoleProperties is the body of POST /machine?comp=roleProperties, answered by 202.
type RoleProperties struct {
	XMLName     xml.Name               `xml:"RoleProperties"`
	ContainerID string                 `xml:"Container>ContainerId"`
	Instances   []RolePropertyInstance `xml:"Container>RoleInstances>RoleInstance"`
}

// RolePropertyInstance is one role instance with its properties.
type RolePropertyInstance struct {
	ID         string         `xml:"Id"`
	Properties []RoleProperty `xml:"Properties>Property"`
}

// RoleProperty is a name and a value; CertificateThumbprint carries the SSH host key's fingerprint.
type RoleProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

// CertificateThumbprint is the name of the one role property agents send.
const CertificateThumbprint = "CertificateThumbprint"

// TelemetryData is the body of POST /machine?comp=telemetrydata, at most MaxTelemetry bytes of events.
type TelemetryData struct {
	XMLName  xml.Name          `xml:"TelemetryData"`
	Version  string            `xml:"version,attr"` // 1.0
	Provider TelemetryProvider `xml:"Provider"`
}

// TelemetryProvider is whose events these are.
type TelemetryProvider struct {
	ID     string           `xml:"id,attr"`
	Events []TelemetryEvent `xml:"Event"`
}

// TelemetryEvent is one event. Params is Param elements one after another, as text in a CDATA section.
type TelemetryEvent struct {
	ID     string `xml:"id,attr"`
	Params string `xml:",cdata"`
}

// TelemetryParam is one of the elements in TelemetryEvent.Params.
type TelemetryParam struct {
	XMLName xml.Name `xml:"Param"`
	Name    string   `xml:"Name,attr"`
	Value   string   `xml:"Value,attr"`
	Type    string   `xml:"T,attr"` // mt:uint64, mt:wstr, mt:bool, mt:float64, or nothing
}

// Telemetry providers and event ids.
const (
	ProviderAgent  = "69B669B9-4AF8-4C50-BDC4-6006FA76E975"
	ProviderLog    = "FFF0196F-EE4C-4EAF-9AA5-776F622DEB4F"
	EventOperation = "1" // ProviderAgent
	EventMetric    = "4" // ProviderAgent
	EventLog       = "7" // ProviderLog
)

// MaxTelemetry is how many bytes of events fit in one request.
const MaxTelemetry = 1<<16 - 1<<10

// HealthObservations is the JSON body of POST /HealthService.
type HealthObservations struct {
	API          string        `json:"Api"`     // reporttargethealth
	Version      string        `json:"Version"` // 1.0
	Source       string        `json:"Source"`  // WALinuxAgent
	Observations []Observation `json:"Observations"`
}

// Observation is what the agent saw of one of the host's services. ObservationName is at most 64 characters,
// Description and Value 128.
type Observation struct {
	Name        string `json:"ObservationName"`
	IsHealthy   bool   `json:"IsHealthy"`
	Description string `json:"Description"`
	Value       string `json:"Value"`
}

// The names and values HealthObservations are made of.
const (
	HealthAPI                 = "reporttargethealth"
	HealthVersion             = "1.0"
	ObservePluginHeartbeat    = "GuestAgentPluginHeartbeat"
	ObservePluginVersions     = "GuestAgentPluginVersions"
	ObservePluginArtifact     = "GuestAgentPluginArtifact"
	ObservePluginStatus       = "GuestAgentPluginStatus"
	ObserveIMDS               = "InstanceMetadataHeartbeat"
	MaxObservationName        = 64
	MaxObservationDescription = 128
)

package wireserver

import "encoding/xml"

// Versions answers GET /?comp=versions.
type Versions struct {
	XMLName   xml.Name `xml:"Versions"`
	Preferred string   `xml:"Preferred>Version"`
	Supported []string `xml:"Supported>Version"`
}

// GoalState answers GET /machine/?comp=goalstate: which VM this is and where its other documents are.
type GoalState struct {
	XMLName     xml.Name  `xml:"GoalState"`
	Version     string    `xml:"Version"`
	Incarnation string    `xml:"Incarnation"` // compared as text
	Machine     Machine   `xml:"Machine"`
	Container   Container `xml:"Container"`
}

// Machine is the part of a goal state that speaks of the virtual machine itself; agents ignore it.
type Machine struct {
	ExpectedState         string   `xml:"ExpectedState"`
	StopRolesDeadlineHint string   `xml:"StopRolesDeadlineHint"`
	LBProbePorts          []string `xml:"LBProbePorts>Port"`
	ExpectHealthReport    string   `xml:"ExpectHealthReport"`
}

// Container is the VM's place on its host. ContainerID changes when the VM moves, without a new incarnation.
type Container struct {
	ContainerID      string         `xml:"ContainerId"`
	RemoteAccessInfo string         `xml:"RemoteAccessInfo"` // URI, "" when there are no just-in-time users
	RoleInstances    []RoleInstance `xml:"RoleInstanceList>RoleInstance"`
}

// RoleInstance names the VM and its documents; agents take the first one.
type RoleInstance struct {
	InstanceID    string        `xml:"InstanceId"`
	State         string        `xml:"State"`
	Configuration Configuration `xml:"Configuration"`
}

// Configuration is where the sub-documents are: absolute URIs, "" when absent.
type Configuration struct {
	HostingEnvironmentConfig string `xml:"HostingEnvironmentConfig"`
	SharedConfig             string `xml:"SharedConfig"`
	ExtensionsConfig         string `xml:"ExtensionsConfig"`
	FullConfig               string `xml:"FullConfig"`
	Certificates             string `xml:"Certificates"`
	ConfigName               string `xml:"ConfigName"` // x-ms-host-config-name; the deployment id up to the first dot
}

// HostingEnvironment answers type=hostingEnvironmentConfig; its names go into telemetry.
type HostingEnvironment struct {
	XMLName     xml.Name `xml:"HostingEnvironmentConfig"`
	Incarnation struct {
		Instance string `xml:"instance,attr"` // VM name
	} `xml:"Incarnation"`
	Role struct {
		Name string `xml:"name,attr"`
	} `xml:"Role"`
	Deployment struct {
		Name string `xml:"name,attr"` // tenant name
	} `xml:"Deployment"`
}

// SharedConfig answers type=sharedConfig. The agent keeps the text as it is for other programs; only the parts below
// are read, by RDMA set-up.
type SharedConfig struct {
	XMLName    xml.Name `xml:"SharedConfig"`
	Deployment struct {
		Name string `xml:"name,attr"`
	} `xml:"Deployment"`
	Instances []struct {
		ID          string `xml:"id,attr"`
		Address     string `xml:"address,attr"`
		RdmaMAC     string `xml:"rdmaMacAddress,attr"`
		RdmaAddress string `xml:"rdmaIPv4Address,attr"`
	} `xml:"Instances>Instance"`
}

// CertificateFile answers comp=certificates. Data is the base64 of a CMS EnvelopedData addressed to the certificate
// of the request, around a PKCS#12 with an empty password.
type CertificateFile struct {
	XMLName     xml.Name `xml:"CertificateFile"`
	Version     string   `xml:"Version"`
	Incarnation string   `xml:"Incarnation"`
	Format      string   `xml:"Format"`
	Data        string   `xml:"Data"`
}

// FormatPFX is the one CertificateFile.Format (beside none) whose Data is looked at.
const FormatPFX = "Pkcs7BlobWithPfxContents"

// Error is the body of a refusal.
type Error struct {
	XMLName xml.Name `xml:"Error"`
	Code    string   `xml:"Code"`
	Message string   `xml:"Message"`
	Details string   `xml:"Details"`
}

// Package wireserver holds the documents that WireServer and the agent exchange: data and tags, header names and
// paths, no behaviour. Elements are matched whatever their namespace. What the wire spells as text stays text here;
// whoever decodes a document turns it at once into types of its own.
package wireserver

// Port is where WireServer listens.
const Port = 80

// Version is the protocol version both sides speak, in x-ms-version and in the Versions document.
const Version = "2012-11-30"

// StorageVersion is x-ms-version of requests to blob storage.
const StorageVersion = "2014-02-14"

// Paths and query strings, as the agent asks for them. Sub-documents of a goal state are named by it, absolutely.
const (
	PathVersions       = "/?comp=versions"
	PathGoalState      = "/machine/?comp=goalstate"
	PathHealth         = "/machine?comp=health"
	PathRoleProperties = "/machine?comp=roleProperties"
	PathTelemetry      = "/machine?comp=telemetrydata"
	PathHealthService  = "/HealthService"
)

// Header names.
const (
	HeaderAgentName   = "x-ms-agent-name"
	HeaderVersion     = "x-ms-version"
	HeaderCertificate = "x-ms-guest-agent-public-x509-cert" // base64 of the transport certificate's DER, one line
	HeaderCipher      = "x-ms-cipher-name"
)

// Header values.
const (
	AgentName       = "WALinuxAgent"
	CipherAES       = "AES128_CBC"
	Cipher3DES      = "DES_EDE3_CBC"
	ContentTypeXML  = "text/xml;charset=utf-8"
	ContentTypeJSON = "application/json"
)

// NullGUID stands for an absent activity or correlation id.
const NullGUID = "00000000-0000-0000-0000-000000000000"

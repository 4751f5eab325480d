// Package goalstate turns the fabric's documents into what the agent acts on: what the fabric wants of this VM now.
// A document is decoded once, here, and not passed around raw; whatever is text on the wire has its real type here.
package goalstate

import (
	"encoding/json"
	"time"

	"github.com/waagent-go/waagent/agent/protocol/secret"
)

// Source says which component of the platform made the extensions goal state.
type Source string

// The sources, spelled as the original's log lines spell them.
const (
	Fabric    Source = "Fabric"
	FastTrack Source = "FastTrack"
)

// Channel says over which endpoint the extensions goal state came.
type Channel string

// The channels, spelled as the original's log lines spell them.
const (
	WireServer   Channel = "WireServer"
	HostGAPlugin Channel = "HostGAPlugin"
)

// Wanted is the goal state in force.
type Wanted struct {
	ID             string // incarnation_<N> or etag_<ETag>: extensions run when it changes
	Incarnation    string // compared as text
	ETag           string
	Source         Source
	Channel        Channel
	ContainerID    string
	RoleInstanceID string
	ConfigName     string // x-ms-host-config-name
	ActivityID     string // null GUID when absent
	CorrelationID  string
	Created        time.Time // year 1 when the document says nothing
	// SvdSeqNo goes into the status blob as it is: the incarnation as a string (Fabric), or a number (Fast Track).
	SvdSeqNo         any
	OnHold           bool
	Outdated         bool // older than what was already processed: reported on, never executed
	RequiredFeatures []string
	Families         []Family
	Handlers         []Handler
	StatusBlob       StatusBlob
	Certificates     []Certificate
	Users            []User // nil with HasUsers false: there was no document
	HasUsers         bool
	ProbePorts       []string // on which the load balancer's probes want an answer
}

// Family is an agent family: where agent packages come from and which version is asked for.
type Family struct {
	Name                      string
	Version, FromVersion      string
	IsVersionFromRSM          *bool // absent is not false
	IsVMEnabledForRSMUpgrades *bool
	URIs                      []string
	Signatures                map[string]string // of packages, base64 CMS, by version
}

// State is what is wanted of a handler or of one extension of it.
type State string

// The states, spelled as on the wire.
const (
	Enabled   State = "enabled"
	Disabled  State = "disabled"
	Uninstall State = "uninstall"
)

// Handler is one extension package wanted on this VM.
type Handler struct {
	Name, Version    string
	State            State
	ManifestURIs     []string
	EncodedSignature string
	MultiConfig      bool
	// Invalid says why this handler's part of the goal state makes no sense; it is reported and not run.
	Invalid  string
	Settings []Settings // empty: a handler without settings
}

// Settings is one extension: a set of settings of a handler. A single-config handler has at most one, without a name.
type Settings struct {
	Name            string // multi-config only
	Seq             int
	State           State
	DependencyLevel int
	Public          json.RawMessage // as sent: key order and big numbers survive; nil when absent
	Protected       secret.Text     // base64 of a CMS message to the tenant certificate
	Thumbprint      string
}

// StatusBlob is where the VM's status goes. URI is a SAS URL and so a secret.
type StatusBlob struct {
	URI  secret.Text
	Type string // BlockBlob or PageBlob
}

// Certificate is one of the goal state's certificates, unpacked to <Thumbprint>.crt and, with a key, .prv.
type Certificate struct {
	Thumbprint    string `json:"thumbprint"` // SHA-1 of the DER, upper-case hex
	HasPrivateKey bool   `json:"hasPrivateKey"`
}

// User is a just-in-time account of the RemoteAccess document.
type User struct {
	Name       string
	Password   secret.Text // base64 of a CMS message to the transport certificate
	Expiration string      // as sent, RFC 1123
}

// Package control is the API that steers a fabric, HTTP and JSON under /v1/: the types that cross it, a handler over
// whatever implements Backend, and a client. Scripts, the command line and the page use nothing else.
package control

import (
	"encoding/json"
	"time"

	"github.com/waagent-go/waagent/agent/protocol/hostga"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
	"github.com/waagent-go/waagent/fabricsim/goal"
)

// VM is a virtual machine and all that was seen of it.
type VM struct {
	Spec     goal.VM `json:"spec"`
	Revision int64   `json:"revision"` // grows with every change of this value

	Incarnation int    `json:"incarnation"`
	ETag        string `json:"etag"`
	Channel     string `json:"channel"` // of the goal state in force: fabric or fasttrack
	// GoalStateID is the id under which an agent processes the goal state in force.
	GoalStateID string `json:"goalStateId"`

	Health       []HealthReport    `json:"health,omitempty"`
	Properties   map[string]string `json:"properties,omitempty"` // role properties
	Status       *Status           `json:"status,omitempty"`
	StatusCount  int               `json:"statusCount"`
	StatusBlob   string            `json:"statusBlob,omitempty"` // account/path
	StatusURL    string            `json:"statusUrl,omitempty"`  // with its signature
	Events       int               `json:"events"`               // telemetry events received
	Observations []Observation     `json:"observations,omitempty"`
	Certificates []Certificate     `json:"certificates,omitempty"`
	Transport    *Transport        `json:"transport,omitempty"`
	LogUploads   int               `json:"logUploads"`
	LastRequest  time.Time         `json:"lastRequest,omitzero"`
}

// HealthReport is one report of POST …comp=health or /provisioning/health.
type HealthReport struct {
	Time        time.Time `json:"time"`
	Agent       string    `json:"agent"` // User-Agent
	State       string    `json:"state"`
	SubStatus   string    `json:"subStatus,omitempty"`
	Description string    `json:"description,omitempty"`
	Incarnation string    `json:"incarnation,omitempty"`
}

// Status is the latest status blob that could be read.
type Status struct {
	Time    time.Time       `json:"time"`
	Via     string          `json:"via"` // host or direct
	Raw     json.RawMessage `json:"raw"`
	Decoded hostga.VMStatus `json:"-"`
}

// UnmarshalJSON decodes Raw again.
func (s *Status) UnmarshalJSON(data []byte) error {
	type plain Status
	if err := json.Unmarshal(data, (*plain)(s)); err != nil {
		return err
	}
	return json.Unmarshal(s.Raw, &s.Decoded)
}

// Observation is the latest word of the guest on one of the host's services.
type Observation struct {
	wireserver.Observation
	Time  time.Time `json:"time"`
	Count int       `json:"count"`
}

// Certificate is one that the VM was given.
type Certificate struct {
	Name       string `json:"name"`
	Thumbprint string `json:"thumbprint"`
	HasKey     bool   `json:"hasKey"`
	PEM        string `json:"pem"`
	KeyPEM     string `json:"keyPem,omitempty"` // a simulated tenant's key is no secret
}

// Transport is the certificate to which the latest certificates or remote access answer was encrypted.
type Transport struct {
	CommonName string `json:"commonName"`
	KeyBits    int    `json:"keyBits"`
	Cipher     string `json:"cipher"`
}

// Event is a telemetry event.
type Event struct {
	N        int64             `json:"n"`
	Time     time.Time         `json:"time"`
	Provider string            `json:"provider"`
	ID       string            `json:"id"`
	Params   map[string]string `json:"params"`
}

// BlobInfo describes a blob.
type BlobInfo struct {
	Account  string    `json:"account"`
	Path     string    `json:"path"`
	Kind     string    `json:"kind"`
	Size     int       `json:"size"`
	Modified time.Time `json:"modified"`
	URL      string    `json:"url"`
}

// Error is the body of every answer that is no success.
type Error struct {
	Message string `json:"error"`
}

// Ready reports whether the latest health report of the VM says it is.
func (v VM) Ready() bool {
	return len(v.Health) > 0 && v.Health[len(v.Health)-1].State == wireserver.Ready
}

// Handler finds the reported status of a handler; extension names one of a multi-config handler, "" is the first.
func (v VM) Handler(name, extension string) (hostga.HandlerStatus, bool) {
	if v.Status == nil {
		return hostga.HandlerStatus{}, false
	}
	for _, h := range v.Status.Decoded.Aggregate.Handlers {
		if h.Name == name && (extension == "" || h.Settings != nil && h.Settings.ExtensionName == extension) {
			return h, true
		}
	}
	return hostga.HandlerStatus{}, false
}

// ExtensionStatus is what was reported of an extension: the extension's own status (success, error, …) if there is
// one, the handler's (Ready, NotReady, …) otherwise, "" for nothing.
func (v VM) ExtensionStatus(name, extension string) string {
	h, ok := v.Handler(name, extension)
	switch {
	case !ok:
		return ""
	case h.Settings != nil && h.Settings.Status.Status.Status != nil:
		return *h.Settings.Status.Status.Status
	}
	return h.Status
}

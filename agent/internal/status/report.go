// Package status builds the VM's status blob and brings it to the fabric. It is told what to report; what an extension's
// state means is decided elsewhere.
package status

import (
	"time"

	"github.com/waagent-go/waagent/agent/protocol/redact"
)

// Values of Handler.Status.
const (
	Ready        = "Ready"
	NotReady     = "NotReady"
	Installing   = "Installing"
	Unresponsive = "Unresponsive"
)

// Values of Extension.Status.
const (
	Transitioning = "transitioning"
	Warning       = "warning"
	Error         = "error"
	Success       = "success"
)

// Codes the platform knows.
const (
	CodeUnknown             = -1
	CodeSuccess             = 0
	CodeProcessing          = 1000
	CodeDownload            = 1001
	CodeManifestMissing     = 1002
	CodeManifestMalformed   = 1003
	CodePackageDownload     = 1004
	CodePackageExtraction   = 1005
	CodeInstall             = 1007
	CodeUpdate              = 1008
	CodeEnable              = 1009
	CodeDisable             = 1010
	CodeTimeout             = 1011
	CodeInvalidStatusFile   = 1012
	CodeUnsupportedFeatures = 2001
)

// Report is everything the status blob says about the VM.
type Report struct {
	Time         time.Time
	OS           OS
	AgentVersion string
	Message      string    // of the agent; "" is "Guest Agent is running"
	Update       *Update   // only while the fabric chooses the agent's version
	Features     []Feature // omitted when empty
	GoalState    *GoalState
	Handlers     []Handler
}

// OS names the operating system.
type OS struct{ ComputerName, Name, Version string }

// Feature is something the agent supports.
type Feature struct{ Key, Value string }

// Update is how the last agent update asked for by the fabric went.
type Update struct {
	ExpectedVersion string
	Status          string // Success, Error
	Code            int
	Message         string
}

// GoalState is how the processing of the last goal state went as a whole.
type GoalState struct {
	Time     time.Time // when it was processed
	SvdSeqNo any       // goalstate.Wanted.SvdSeqNo: a string (Fabric) or a number (Fast Track)
	Status   string    // Success, Failed
	Code     int
	Message  string
}

// Handler is one entry of the report: a handler, with one extension of it if it has settings. A handler with several
// named extensions has one entry for each.
type Handler struct {
	Name, Version string
	Status        string // Ready, NotReady, Installing, Unresponsive
	Code          int
	Message       string // "" is left out
	Extension     *Extension
}

// Extension is what an extension's status file says, or what the agent says in its place.
type Extension struct {
	Name        string // multi-config only
	Seq         int
	DisplayName string // name inside the status: the goal state's name of the extension
	AppliedTime string // configurationAppliedTime, as the extension wrote it
	Operation   string
	Status      string // transitioning, warning, error, success; "" for none at all: reported as null
	Code        int
	Message     string // "" is reported as null
	Substatus   []Substatus
}

// Substatus is one line of detail.
type Substatus struct {
	Name, Status string
	Code         int
	Message      string
}

// text is message without anything secret.
func text(message string) string { return redact.SAS(message) }

package hostga

// VMStatus is the status blob: what the agent and its extensions say of themselves, uploaded in every loop.
type VMStatus struct {
	Version           string          `json:"version"`      // 1.1
	TimestampUTC      string          `json:"timestampUTC"` // 2006-01-02T15:04:05Z
	Aggregate         AggregateStatus `json:"aggregateStatus"`
	GuestOS           GuestOSInfo     `json:"guestOSInfo"`
	SupportedFeatures []Feature       `json:"supportedFeatures,omitempty"`
}

// GuestOSInfo names the guest's operating system and agent.
type GuestOSInfo struct {
	ComputerName string `json:"computerName"`
	OSName       string `json:"osName"`
	OSVersion    string `json:"osVersion"`
	Version      string `json:"version"` // the agent's
}

// Feature is something the agent can do.
type Feature struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

// AggregateStatus has the three parts of a VM's status.
type AggregateStatus struct {
	Agent       AgentStatus        `json:"guestAgentStatus"`
	Handlers    []HandlerStatus    `json:"handlerAggregateStatus"` // [] when there are none, never null
	VMArtifacts *VMArtifactsStatus `json:"vmArtifactsAggregateStatus,omitempty"`
}

// Message is a text for people. A nil Text is null.
type Message struct {
	Lang string  `json:"lang"` // en-US
	Text *string `json:"message"`
}

// AgentStatus is the agent's own status.
type AgentStatus struct {
	Version string        `json:"version"`
	Status  string        `json:"status"` // Ready
	Message Message       `json:"formattedMessage"`
	Update  *UpdateStatus `json:"updateStatus,omitempty"`
}

// UpdateStatus says how a requested agent version is getting on.
type UpdateStatus struct {
	ExpectedVersion string  `json:"expectedVersion"`
	Status          string  `json:"status"` // Success, Error, Transitioning, Unknown
	Code            int     `json:"code"`
	Message         Message `json:"formattedMessage"`
}

// HandlerStatus is one extension handler's status; multi-config handlers have one per extension.
type HandlerStatus struct {
	Name            string                 `json:"handlerName"`
	Version         string                 `json:"handlerVersion"`
	Status          string                 `json:"status"` // Ready, NotReady, Installing, Unresponsive
	Code            int                    `json:"code"`
	UseExactVersion bool                   `json:"useExactVersion"` // true
	Message         *Message               `json:"formattedMessage,omitempty"`
	Settings        *RuntimeSettingsStatus `json:"runtimeSettingsStatus,omitempty"`
}

// RuntimeSettingsStatus is the status of one set of settings.
type RuntimeSettingsStatus struct {
	SequenceNumber int            `json:"sequenceNumber"`
	Status         SettingsStatus `json:"settingsStatus"`
	ExtensionName  string         `json:"extensionName,omitempty"` // multi-config only
}

// SettingsStatus wraps an extension's status with the time of the report.
type SettingsStatus struct {
	Status       ExtensionStatus `json:"status"`
	Version      float64         `json:"version"` // 1.0
	TimestampUTC string          `json:"timestampUTC"`
}

// ExtensionStatus is what an extension says of itself. Nil pointers are null.
type ExtensionStatus struct {
	Name                     string      `json:"name"`
	ConfigurationAppliedTime *string     `json:"configurationAppliedTime"`
	Operation                *string     `json:"operation"`
	Status                   *string     `json:"status"` // transitioning, warning, error, success
	Code                     *int        `json:"code"`
	Message                  Message     `json:"formattedMessage"`
	Substatus                []Substatus `json:"substatus,omitempty"`
}

// Substatus is a part of an extension's status.
type Substatus struct {
	Name    *string `json:"name"`
	Status  *string `json:"status"`
	Code    *int    `json:"code"`
	Message Message `json:"formattedMessage"`
}

// VMArtifactsStatus says how the goal state as a whole got on.
type VMArtifactsStatus struct {
	GoalState GoalStateStatus `json:"goalStateAggregateStatus"`
}

// GoalStateStatus is the outcome of processing a goal state. InSvdSeqNo is the incarnation as a string (Fabric) or a
// number (Fast Track).
type GoalStateStatus struct {
	Message      Message `json:"formattedMessage"`
	TimestampUTC string  `json:"timestampUTC"`
	InSvdSeqNo   any     `json:"inSvdSeqNo"`
	Status       string  `json:"status"` // Initialize, Transitioning, Success, Failed
	Code         int     `json:"code"`   // 0, -1, 2001
}

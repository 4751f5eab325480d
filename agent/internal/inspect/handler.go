package inspect

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/internal/policy"
	"github.com/waagent-go/waagent/agent/protocol/handler"
	"github.com/waagent-go/waagent/agent/protocol/hostga"
	"github.com/waagent-go/waagent/agent/protocol/redact"
)

var errEmptyList = errors.New("the list is empty")

// decodeOne decodes the first element of a list, or the object that stands where a list should.
func decodeOne[T any](data []byte) (v T, err error) {
	data = bytes.TrimSpace(fabric.TrimBOM(data))
	if len(data) > 0 && data[0] == '[' {
		var list []T
		if err := json.Unmarshal(data, &list); err != nil {
			return v, err
		}
		if len(list) == 0 {
			return v, errEmptyList
		}
		return list[0], nil
	}
	return v, json.Unmarshal(data, &v)
}

type manifestFileView struct {
	Name               string                  `json:"name,omitempty"`
	Version            json.RawMessage         `json:"version,omitempty"`
	Install            *string                 `json:"installCommand"`
	Uninstall          *string                 `json:"uninstallCommand"`
	Update             *string                 `json:"updateCommand"`
	Enable             *string                 `json:"enableCommand"`
	Disable            *string                 `json:"disableCommand"`
	ReportHeartbeat    bool                    `json:"reportHeartbeat"`
	ContinueOnFailure  bool                    `json:"continueOnUpdateFailure"`
	MultipleExtensions bool                    `json:"supportsMultipleExtensions"`
	UpdateMode         string                  `json:"updateMode,omitempty"`
	ResourceLimits     *handler.ResourceLimits `json:"resourceLimits,omitempty"`
	SigningInfo        *handler.SigningInfo    `json:"signingInfo,omitempty"`
	Implementation     string                  `json:"implementation,omitempty"`
}

func handlerManifest(data []byte) (manifestFileView, error) {
	m, err := decodeOne[handler.Manifest](data)
	if err != nil {
		return manifestFileView{}, err
	}
	if m.Handler == nil {
		return manifestFileView{}, errors.New("handlerManifest is missing or null")
	}
	h := m.Handler
	return manifestFileView{
		Name: m.Name, Version: m.Version, Install: h.Install, Uninstall: h.Uninstall, Update: h.Update, Enable: h.Enable,
		Disable: h.Disable, ReportHeartbeat: bool(h.ReportHeartbeat), ContinueOnFailure: bool(h.ContinueOnUpdateFailure),
		MultipleExtensions: bool(h.SupportsMultipleExtensions), UpdateMode: h.UpdateMode, ResourceLimits: m.ResourceLimits,
		SigningInfo: m.SigningInfo, Implementation: m.Implementation,
	}, nil
}

type environmentView struct {
	Name string `json:"name"`
	handler.EnvironmentSection
}

func handlerEnvironment(data []byte) (environmentView, error) {
	e, err := decodeOne[handler.Environment](data)
	return environmentView{e.Name, e.Handler}, err
}

type settingsFileView struct {
	Public       json.RawMessage `json:"publicSettings"`
	HasProtected bool            `json:"hasProtectedSettings"`
	Thumbprint   *string         `json:"certificateThumbprint"`
}

func settings(data []byte) (v settingsFileView, err error) {
	var d handler.Settings
	if err := json.Unmarshal(fabric.TrimBOM(data), &d); err != nil {
		return v, err
	}
	if len(d.Runtime) == 0 || d.Runtime[0].Handler == nil {
		return v, errors.New("runtimeSettings has no handlerSettings")
	}
	h := d.Runtime[0].Handler
	return settingsFileView{h.Public, !h.Protected.IsZero(), h.Thumbprint}, nil
}

type statusView struct {
	Name        *string         `json:"name,omitempty"`
	Operation   *string         `json:"operation"`
	Status      *string         `json:"status"`
	Code        *json.Number    `json:"code"`
	AppliedTime *string         `json:"configurationAppliedTime,omitempty"`
	Message     *string         `json:"message"`
	Substatus   []substatusView `json:"substatus,omitempty"`
}

type substatusView struct {
	Name    *string      `json:"name"`
	Status  *string      `json:"status"`
	Code    *json.Number `json:"code"`
	Message *string      `json:"message"`
}

func said(m *handler.Message) *string {
	if m == nil || m.Text == nil {
		return nil
	}
	text := redact.SAS(*m.Text)
	return &text
}

func extensionStatus(data []byte) (v statusView, err error) {
	r, err := decodeOne[handler.Report](data)
	if err != nil {
		return v, err
	}
	s := r.Status
	if s == nil {
		return v, errors.New("status is missing or null")
	}
	v = statusView{Name: s.Name, Operation: s.Operation, Status: s.Status, Code: s.Code, AppliedTime: s.ConfigurationAppliedTime, Message: said(s.Message)}
	for _, sub := range s.Substatus {
		if sub != nil {
			v.Substatus = append(v.Substatus, substatusView{sub.Name, sub.Status, sub.Code, said(sub.Message)})
		}
	}
	return v, nil
}

type vmStatusView struct {
	AgentVersion string              `json:"agentVersion"`
	TimestampUTC string              `json:"timestampUTC"`
	Handlers     []handlerStatusView `json:"handlers"`
}

type handlerStatusView struct {
	Name            string  `json:"name"`
	Version         string  `json:"version"`
	Status          string  `json:"status"`
	Code            int     `json:"code"`
	ExtensionStatus *string `json:"extensionStatus,omitempty"`
	Seq             *int    `json:"seq,omitempty"`
}

// vmStatus is the status blob, of which the extensions' own documents are a part.
func vmStatus(data []byte) (v vmStatusView, err error) {
	var d hostga.VMStatus
	if err := json.Unmarshal(bytes.TrimRight(fabric.TrimBOM(data), "\x00 "), &d); err != nil {
		return v, err
	}
	v = vmStatusView{d.GuestOS.Version, d.TimestampUTC, []handlerStatusView{}}
	for _, h := range d.Aggregate.Handlers {
		one := handlerStatusView{Name: h.Name, Version: h.Version, Status: h.Status, Code: h.Code}
		if h.Settings != nil {
			one.ExtensionStatus, one.Seq = h.Settings.Status.Status.Status, &h.Settings.SequenceNumber
		}
		v.Handlers = append(v.Handlers, one)
	}
	return v, nil
}

type heartbeatView struct {
	Status  *string      `json:"status"`
	Code    *json.Number `json:"code"`
	Message *string      `json:"message"`
}

func heartbeat(data []byte) (v heartbeatView, err error) {
	h, err := decodeOne[handler.Heartbeat](data)
	if err != nil {
		return v, err
	}
	if h.Section == nil {
		return v, errors.New("heartbeat is missing or null")
	}
	return heartbeatView{h.Section.Status, h.Section.Code, said(h.Section.Message)}, nil
}

type policyView struct {
	Policy json.RawMessage `json:"policy"`
}

// policyDocument shows the policy as it stands, if the agent would follow it.
func policyDocument(data []byte) (policyView, error) {
	data = fabric.TrimBOM(data)
	if _, err := policy.Parse(data); err != nil {
		return policyView{}, err
	}
	var compact bytes.Buffer
	err := json.Compact(&compact, data)
	return policyView{compact.Bytes()}, err
}

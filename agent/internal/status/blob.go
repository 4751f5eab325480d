package status

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"
)

// stampLayout is the form of every time in the blob.
const stampLayout = "2006-01-02T15:04:05Z"

func stamp(t time.Time) string { return t.UTC().Format(stampLayout) }

type blob struct {
	Version   string    `json:"version"`
	Timestamp string    `json:"timestampUTC"`
	Aggregate aggregate `json:"aggregateStatus"`
	OS        guestOS   `json:"guestOSInfo"`
	Features  []Feature `json:"supportedFeatures,omitempty"`
}

type aggregate struct {
	Agent    agentStatus    `json:"guestAgentStatus"`
	Handlers []handlerEntry `json:"handlerAggregateStatus"`
	Artifact *artifacts     `json:"vmArtifactsAggregateStatus,omitempty"`
}

type guestOS struct {
	Computer  string `json:"computerName"`
	Name      string `json:"osName"`
	OSVersion string `json:"osVersion"`
	Agent     string `json:"version"`
}

type message struct {
	Lang    string  `json:"lang"`
	Message *string `json:"message"`
}

type agentStatus struct {
	Version string        `json:"version"`
	Status  string        `json:"status"`
	Message message       `json:"formattedMessage"`
	Update  *updateStatus `json:"updateStatus,omitempty"`
}

type updateStatus struct {
	Expected string  `json:"expectedVersion"`
	Status   string  `json:"status"`
	Code     int     `json:"code"`
	Message  message `json:"formattedMessage"`
}

type artifacts struct {
	GoalState goalStateStatus `json:"goalStateAggregateStatus"`
}

type goalStateStatus struct {
	Message   message `json:"formattedMessage"`
	Timestamp string  `json:"timestampUTC"`
	SvdSeqNo  any     `json:"inSvdSeqNo"`
	Status    string  `json:"status"`
	Code      int     `json:"code"`
}

type handlerEntry struct {
	Name     string           `json:"handlerName"`
	Version  string           `json:"handlerVersion"`
	Status   string           `json:"status"`
	Code     int              `json:"code"`
	Exact    bool             `json:"useExactVersion"`
	Message  *message         `json:"formattedMessage,omitempty"`
	Settings *runtimeSettings `json:"runtimeSettingsStatus,omitempty"`
}

type runtimeSettings struct {
	Settings settingsStatus `json:"settingsStatus"`
	Seq      int            `json:"sequenceNumber"`
	Name     string         `json:"extensionName,omitempty"`
}

type settingsStatus struct {
	Status    extensionStatus `json:"status"`
	Version   json.Number     `json:"version"`
	Timestamp string          `json:"timestampUTC"`
}

type extensionStatus struct {
	Name      string      `json:"name"`
	Applied   *string     `json:"configurationAppliedTime"`
	Operation *string     `json:"operation"`
	Status    *string     `json:"status"`
	Code      *int        `json:"code"`
	Message   message     `json:"formattedMessage"`
	Substatus []substatus `json:"substatus,omitempty"`
}

type substatus struct {
	Name    string  `json:"name"`
	Status  string  `json:"status"`
	Code    int     `json:"code"`
	Message message `json:"formattedMessage"`
}

// Blob is the report as the JSON document that goes to the fabric: one line, ASCII only.
func (r Report) Blob() ([]byte, error) {
	b := blob{
		Version:   "1.1",
		Timestamp: stamp(r.Time),
		Aggregate: aggregate{Agent: r.agent(), Handlers: []handlerEntry{}},
		OS:        guestOS{r.OS.ComputerName, r.OS.Name, r.OS.Version, r.AgentVersion},
		Features:  r.Features,
	}
	if g := r.GoalState; g != nil {
		b.Aggregate.Artifact = &artifacts{goalStateStatus{said(g.Message), stamp(g.Time), g.SvdSeqNo, g.Status, g.Code}}
	}
	for _, h := range r.Handlers {
		b.Aggregate.Handlers = append(b.Aggregate.Handlers, h.entry(r.Time))
	}
	return marshal(b)
}

func (r Report) agent() agentStatus {
	running := r.Message
	if running == "" {
		running = "Guest Agent is running"
	}
	s := agentStatus{Version: r.AgentVersion, Status: Ready, Message: said(running)}
	if u := r.Update; u != nil {
		s.Update = &updateStatus{u.ExpectedVersion, u.Status, u.Code, said(u.Message)}
	}
	return s
}

func (h Handler) entry(now time.Time) handlerEntry {
	e := handlerEntry{Name: h.Name, Version: h.Version, Status: h.Status, Code: h.Code, Exact: true}
	if h.Message != "" {
		m := said(h.Message)
		e.Message = &m
	}
	if x := h.Extension; x != nil {
		e.Settings = &runtimeSettings{Settings: x.settings(now), Seq: x.Seq, Name: x.Name}
	}
	return e
}

func (x Extension) settings(now time.Time) settingsStatus {
	s := extensionStatus{
		Name: x.DisplayName, Applied: orNull(x.AppliedTime), Operation: orNull(x.Operation), Message: said(x.Message),
	}
	if x.Status != "" {
		s.Status, s.Code = &x.Status, &x.Code
	}
	for _, sub := range x.Substatus {
		s.Substatus = append(s.Substatus, substatus{sub.Name, sub.Status, sub.Code, said(sub.Message)})
	}
	return settingsStatus{Status: s, Version: "1.0", Timestamp: stamp(now)}
}

func said(s string) message { return message{Lang: "en-US", Message: orNull(text(s))} }

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// marshal writes v without HTML escapes and in ASCII: some consumers read the blob with the wrong charset.
func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write status: %w", err)
	}
	return ascii(bytes.TrimSuffix(out.Bytes(), []byte("\n"))), nil
}

// ascii spells every other character of a JSON document as \u escapes; such characters stand in strings only.
func ascii(doc []byte) []byte {
	out := make([]byte, 0, len(doc))
	for len(doc) > 0 {
		r, n := utf8.DecodeRune(doc)
		switch {
		case r < utf8.RuneSelf:
			out = append(out, byte(r))
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		doc = doc[n:]
	}
	return out
}

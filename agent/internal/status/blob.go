package status

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/waagent-go/waagent/agent/protocol/hostga"
)

// stampLayout is the form of every time in the blob.
const stampLayout = "2006-01-02T15:04:05Z"

func stamp(t time.Time) string { return t.UTC().Format(stampLayout) }

// Blob is the report as the JSON document that goes to the fabric: one line, ASCII only.
func (r Report) Blob() ([]byte, error) { return marshal(r.document()) }

func (r Report) document() hostga.VMStatus {
	s := hostga.VMStatus{
		Version:      "1.1",
		TimestampUTC: stamp(r.Time),
		Aggregate:    hostga.AggregateStatus{Agent: r.agent(), Handlers: []hostga.HandlerStatus{}},
		GuestOS: hostga.GuestOSInfo{
			ComputerName: r.OS.ComputerName, OSName: r.OS.Name, OSVersion: r.OS.Version, Version: r.AgentVersion,
		},
	}
	for _, f := range r.Features {
		s.SupportedFeatures = append(s.SupportedFeatures, hostga.Feature(f))
	}
	if g := r.GoalState; g != nil {
		s.Aggregate.VMArtifacts = &hostga.VMArtifactsStatus{GoalState: hostga.GoalStateStatus{
			Message: said(g.Message), TimestampUTC: stamp(g.Time), InSvdSeqNo: g.SvdSeqNo, Status: g.Status, Code: g.Code,
		}}
	}
	for _, h := range r.Handlers {
		s.Aggregate.Handlers = append(s.Aggregate.Handlers, h.entry(r.Time))
	}
	return s
}

func (r Report) agent() hostga.AgentStatus {
	running := r.Message
	if running == "" {
		running = "Guest Agent is running"
	}
	s := hostga.AgentStatus{Version: r.AgentVersion, Status: Ready, Message: said(running)}
	if u := r.Update; u != nil {
		s.Update = &hostga.UpdateStatus{
			ExpectedVersion: u.ExpectedVersion, Status: u.Status, Code: u.Code, Message: said(u.Message),
		}
	}
	return s
}

func (h Handler) entry(now time.Time) hostga.HandlerStatus {
	e := hostga.HandlerStatus{Name: h.Name, Version: h.Version, Status: h.Status, Code: h.Code, UseExactVersion: true}
	if h.Message != "" {
		m := said(h.Message)
		e.Message = &m
	}
	if x := h.Extension; x != nil {
		e.Settings = &hostga.RuntimeSettingsStatus{SequenceNumber: x.Seq, ExtensionName: x.Name, Status: x.settings(now)}
	}
	return e
}

func (x Extension) settings(now time.Time) hostga.SettingsStatus {
	s := hostga.ExtensionStatus{
		Name: x.DisplayName, ConfigurationAppliedTime: orNull(x.AppliedTime), Operation: orNull(x.Operation),
		Message: said(x.Message),
	}
	if x.Status != "" {
		s.Status, s.Code = &x.Status, &x.Code
	}
	for _, sub := range x.Substatus {
		s.Substatus = append(s.Substatus, hostga.Substatus{
			Name: &sub.Name, Status: &sub.Status, Code: &sub.Code, Message: said(sub.Message),
		})
	}
	return hostga.SettingsStatus{Status: s, Version: 1.0, TimestampUTC: stamp(now)}
}

func said(s string) hostga.Message { return hostga.Message{Lang: "en-US", Text: orNull(text(s))} }

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

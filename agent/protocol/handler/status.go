package handler

import "encoding/json"

// Report is one element of status/<seq>.status, an array of which only the first element counts.
type Report struct {
	Version      json.RawMessage `json:"version,omitempty"` // 1.0, or that as text
	TimestampUTC string          `json:"timestampUTC"`
	Status       *Status         `json:"status"`
}

// Status is what an extension says of itself. Nil is absent or null.
type Status struct {
	Name                     *string      `json:"name,omitempty"`
	Operation                *string      `json:"operation"`
	Status                   *string      `json:"status"` // transitioning, warning, error, success
	Code                     *json.Number `json:"code"`
	ConfigurationAppliedTime *string      `json:"configurationAppliedTime,omitempty"`
	Message                  *Message     `json:"formattedMessage"`
	Substatus                []*Substatus `json:"substatus,omitempty"` // null elements are ignored
}

// Substatus is a part of a Status.
type Substatus struct {
	Name    *string      `json:"name"`
	Status  *string      `json:"status"`
	Code    *json.Number `json:"code"`
	Message *Message     `json:"formattedMessage"`
}

// Message is a text for people; both members are mandatory.
type Message struct {
	Lang *string `json:"lang"`
	Text *string `json:"message"`
}

// Heartbeat is one element of heartbeat.log, an array of one.
type Heartbeat struct {
	Version json.RawMessage   `json:"version,omitempty"`
	Section *HeartbeatSection `json:"heartbeat"`
}

// HeartbeatSection says how a handler is. Code is not reported by agents.
type HeartbeatSection struct {
	Status  *string      `json:"status"` // Ready, NotReady, Installing, Unresponsive
	Code    *json.Number `json:"code"`
	Message *Message     `json:"formattedMessage,omitempty"`
}

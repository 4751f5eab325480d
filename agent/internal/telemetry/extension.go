package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/waagent-go/waagent/agent/protocol/redact"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// Limits on what extensions send.
const (
	maxExtensionEvents = 360 // of one extension in one collection
	maxExtensionFile   = 4 << 20
	maxExtensionText   = 3072 // characters of a message
	maxExtensionEvent  = 6144 // characters of all values
)

// Reasons for dropping an event, as the fabric's support knows them.
var (
	errMissingKey = errors.New("MissingKeyError")
	errEmpty      = errors.New("EmptyMessageError")
	errOversize   = errors.New("OversizeEventError")
	errInvalid    = errors.New("InvalidEventError")
)

// keys are the members an extension's event must have, matched in any case.
var keys = []string{"Version", "Timestamp", "TaskName", "EventLevel", "Message", "EventPid", "EventTid", "OperationId"}

// parseExtensionEvents reads an event file of an extension: one object, or a list of them. Each element is an event or
// nil; problems says why one was dropped, by the reason's name.
func parseExtensionEvents(data []byte) (events []map[string]string, problems map[string]int, err error) {
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	var list []json.RawMessage
	if len(data) > 0 && data[0] == '[' {
		err = json.Unmarshal(data, &list)
	} else {
		list = []json.RawMessage{data}
		if !json.Valid(data) {
			err = errInvalid
		}
	}
	if err != nil {
		return nil, nil, errInvalid
	}
	problems = map[string]int{}
	for _, raw := range list {
		e, err := extensionEvent(raw)
		if err != nil {
			problems[err.Error()]++
			continue
		}
		events = append(events, e)
	}
	return events, problems, nil
}

func extensionEvent(raw json.RawMessage) (map[string]string, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, errInvalid
	}
	e := map[string]string{}
	for name, value := range members {
		i := slices.IndexFunc(keys, func(k string) bool { return strings.EqualFold(k, name) })
		if i < 0 {
			continue
		}
		v, err := scalar(value)
		if err != nil || v == nil {
			return nil, errInvalid
		}
		e[keys[i]] = Param{Value: v}.text()
	}
	if len(e) < len(keys) {
		return nil, errMissingKey
	}
	if strings.TrimSpace(e["Message"]) == "" {
		return nil, errEmpty
	}
	e["Message"] = shorten(e["Message"], maxExtensionText)
	total := 0
	for _, v := range e {
		total += utf8.RuneCountInString(v)
	}
	if total > maxExtensionEvent {
		return nil, errOversize
	}
	return e, nil
}

// shorten keeps n characters of s.
func shorten(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// extensionRecord is an extension's event as it is sent.
func (c *Common) extensionRecord(handler string, e map[string]string, when time.Time) Record {
	own := []Param{
		{"EventName", handler + "-" + e["Version"]}, {"CapabilityUsed", e["EventLevel"]}, {"Context1", redact.SAS(e["Message"])},
		{"Context2", e["Timestamp"]}, {"Context3", e["OperationId"]},
	}
	params := append(own, c.origin(stamp(when), e["EventTid"], e["EventPid"], e["TaskName"])...)
	return Record{EventID: 7, Provider: wireserver.ProviderLog, Params: append(params, c.place()...)}
}

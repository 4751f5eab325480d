// Package telemetry carries events to the fabric: the agent's own, which any process of it records as files, and those
// that extensions leave in their folders. It decides nothing by what they say.
package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Record is an event as it lies on disk and as it is sent: an id, whose it is, and parameters in their order.
type Record struct {
	EventID  int     `json:"eventId"`
	Provider string  `json:"providerId"`
	Params   []Param `json:"parameters"`
	FileType string  `json:"file_type"`
}

// Param is one value of a record: a string, a bool, an int64, a float64, or nil.
type Param struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

// UnmarshalJSON keeps whole numbers whole.
func (p *Param) UnmarshalJSON(data []byte) error {
	var raw struct {
		Name  string          `json:"name"`
		Value json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	p.Name = raw.Name
	value, err := scalar(raw.Value)
	p.Value = value
	return err
}

func scalar(raw json.RawMessage) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if len(raw) == 0 {
		return nil, nil
	}
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case nil, string, bool:
		return v, nil
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
		return v.Float64()
	}
	return nil, errors.New("the value of a parameter is an object or a list")
}

// get is the text of a parameter, "" when there is none.
func (r Record) get(name string) string {
	for _, p := range r.Params {
		if p.Name == name {
			return p.text()
		}
	}
	return ""
}

// text is the value as the fabric spells it.
func (p Param) text() string {
	switch v := p.Value.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(p.Value)
}

// kind is the value's type as the fabric names it.
func (p Param) kind() string {
	switch p.Value.(type) {
	case string:
		return "mt:wstr"
	case bool:
		return "mt:bool"
	case float64:
		return "mt:float64"
	case nil:
		return ""
	}
	return "mt:uint64"
}

// timeLayout is the form of a record's times.
const timeLayout = "2006-01-02T15:04:05.000000Z"

func stamp(t time.Time) string { return t.UTC().Format(timeLayout) }

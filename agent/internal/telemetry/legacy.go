package telemetry

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"strconv"
	"time"

	"github.com/waagent-go/waagent/agent/protocol/redact"
)

// legacyXML is the form in which old agents wrote events.
type legacyXML struct {
	XMLName  xml.Name `xml:"Data"`
	Provider struct {
		ID string `xml:"id,attr"`
	} `xml:"Provider"`
	Event struct {
		ID string `xml:"id,attr"`
	} `xml:"Event"`
	Params []struct {
		Name  string `xml:"Name,attr"`
		Value string `xml:"Value,attr"`
		Type  string `xml:"T,attr"`
	} `xml:"Param"`
}

// parseRecord reads an event file: JSON, or the XML of old agents.
func parseRecord(data []byte) (Record, error) {
	var r Record
	jsonErr := json.Unmarshal(data, &r)
	if jsonErr == nil && r.Provider != "" {
		return r, nil
	}
	var x legacyXML
	if err := xml.Unmarshal(data, &x); err != nil || x.Provider.ID == "" {
		return Record{}, errors.Join(errors.New("the file is no event"), jsonErr)
	}
	id, err := strconv.Atoi(x.Event.ID)
	if err != nil {
		return Record{}, errors.New("the event's id is no number")
	}
	r = Record{EventID: id, Provider: x.Provider.ID}
	for _, p := range x.Params {
		r.Params = append(r.Params, Param{p.Name, typed(p.Value, p.Type)})
	}
	return r, nil
}

func typed(value, kind string) any {
	switch kind {
	case "mt:bool":
		return value == "True" || value == "true"
	case "mt:uint64", "mt:int32", "mt:int64":
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			return n
		}
	case "mt:float64":
		if f, err := strconv.ParseFloat(value, 64); err == nil {
			return f
		}
	}
	return value
}

// extensionParams are all that is taken over from events that extensions wrote in the agent's own form.
var extensionParams = []string{"Name", "Version", "Operation", "OperationSuccess", "Message", "Duration"}

// adopt completes an event that another program wrote at when.
func (c *Common) adopt(r Record, when time.Time, pid int) Record {
	own := r.Params
	if r.get("Name") != agentName {
		own = nil
		for _, name := range extensionParams {
			for _, p := range r.Params {
				if p.Name == name {
					own = append(own, p)
				}
			}
		}
	}
	out := Record{EventID: r.EventID, Provider: r.Provider}
	have := map[string]bool{}
	add := func(params ...Param) {
		for _, p := range params {
			if have[p.Name] {
				continue
			}
			have[p.Name] = true
			if s, ok := p.Value.(string); ok {
				p.Value = redact.SAS(s)
			}
			out.Params = append(out.Params, p)
		}
	}
	add(own...)
	add(c.origin(stamp(when), int64(pid), int64(pid), "")...)
	if r.EventID == 1 {
		add(Param{"ExtensionType", ""}, Param{"IsInternal", false})
	}
	add(c.place()...)
	return out
}

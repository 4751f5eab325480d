package wireserver

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"

	protocol "github.com/waagent-go/waagent/agent/protocol/wireserver"
	"github.com/waagent-go/waagent/fabricsim/control"
	"github.com/waagent-go/waagent/fabricsim/internal/world"
	"github.com/waagent-go/waagent/fabricsim/journal"
)

func (s *Server) telemetry(w http.ResponseWriter, r *http.Request, id string, _ world.View) {
	body, ok := read(w, r, 1<<16-1)
	if !ok {
		return
	}
	events, err := parseTelemetry(body)
	if err != nil {
		reject(w, r, http.StatusBadRequest, "InvalidTelemetry", err.Error())
		return
	}
	journal.Of(r.Context()).Note(fmt.Sprintf("%d events", len(events)))
	if err := s.World.AddEvents(id, events); err != nil {
		reject(w, r, http.StatusGone, "ResourceNotAvailable", err.Error())
		return
	}
	w.WriteHeader(http.StatusOK)
}

func parseTelemetry(body []byte) ([]control.Event, error) {
	var doc protocol.TelemetryData
	if err := xml.Unmarshal(body, &doc); err != nil {
		return nil, err
	}
	if doc.Version != "1.0" || doc.Provider.ID == "" || len(doc.Provider.Events) == 0 {
		return nil, errors.New("version, provider or events are missing")
	}
	var events []control.Event
	for _, e := range doc.Provider.Events {
		params, err := parseParams(e.Params)
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", e.ID, err)
		}
		events = append(events, control.Event{Provider: doc.Provider.ID, ID: e.ID, Params: params})
	}
	return events, nil
}

func parseParams(text string) (map[string]string, error) {
	params := map[string]string{}
	dec := xml.NewDecoder(bytes.NewReader([]byte(text)))
	for {
		var p protocol.TelemetryParam
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch p.Type {
		case "mt:uint64", "mt:wstr", "mt:bool", "mt:float64", "":
			params[p.Name] = p.Value
		default:
			return nil, fmt.Errorf("parameter %s has the unknown type %q", p.Name, p.Type)
		}
	}
	if len(params) == 0 {
		return nil, errors.New("it has no parameters")
	}
	return params, nil
}

func (s *Server) healthService(w http.ResponseWriter, r *http.Request, id string, _ world.View) {
	body, ok := read(w, r, maxReport)
	if !ok {
		return
	}
	var doc protocol.HealthObservations
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	err := dec.Decode(&doc)
	if err == nil && (doc.API != protocol.HealthAPI || doc.Version != protocol.HealthVersion || doc.Source == "" || len(doc.Observations) == 0) {
		err = errors.New("one of Api, Version, Source and Observations is wrong")
	}
	for _, o := range doc.Observations {
		if o.Name == "" || len(o.Name) > protocol.MaxObservationName ||
			len(o.Description) > protocol.MaxObservationDescription || len(o.Value) > protocol.MaxObservationDescription {
			err = errors.Join(err, fmt.Errorf("observation %q is empty or too long", o.Name))
		}
	}
	if err != nil {
		reject(w, r, http.StatusBadRequest, "InvalidObservations", err.Error())
		return
	}
	for _, o := range doc.Observations {
		journal.Of(r.Context()).Note(fmt.Sprintf("%s=%t", o.Name, o.IsHealthy))
	}
	if err := s.World.AddObservations(id, doc.Observations); err != nil {
		reject(w, r, http.StatusGone, "ResourceNotAvailable", err.Error())
		return
	}
	w.WriteHeader(http.StatusOK)
}

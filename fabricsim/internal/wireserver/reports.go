package wireserver

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"unicode/utf8"

	protocol "github.com/waagent-go/waagent/agent/protocol/wireserver"
	"github.com/waagent-go/waagent/fabricsim/control"
	"github.com/waagent-go/waagent/fabricsim/internal/world"
	"github.com/waagent-go/waagent/fabricsim/journal"
)

// maxReport bounds the body of a report; telemetry has a limit of its own.
const maxReport = 1 << 20

func read(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, bool) {
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil || int64(len(body)) > limit {
		reject(w, r, http.StatusBadRequest, "RequestBodyTooLarge", fmt.Sprintf("The body has more than %d bytes, or ended early.", limit))
		return nil, false
	}
	return body, true
}

func (s *Server) health(w http.ResponseWriter, r *http.Request, id string, v world.View) {
	body, ok := read(w, r, maxReport)
	if !ok {
		return
	}
	report, err := parseHealth(body, v)
	if err != nil {
		reject(w, r, http.StatusBadRequest, "InvalidHealthReport", err.Error())
		return
	}
	report.Agent = r.UserAgent()
	journal.Of(r.Context()).Note(note(report))
	if err := s.World.AddHealth(id, report); err != nil {
		reject(w, r, http.StatusGone, "ResourceNotAvailable", err.Error())
		return
	}
	w.WriteHeader(http.StatusOK) // an empty body is what Azure sends
}

func note(r control.HealthReport) string {
	text := r.State
	if r.SubStatus != "" {
		text += "/" + r.SubStatus
	}
	if r.Description != "" {
		text += ": " + r.Description
	}
	return text
}

// parseHealth reads a report strictly: it must be of this VM and of a goal state it was given.
func parseHealth(body []byte, v world.View) (control.HealthReport, error) {
	var h protocol.Health
	if err := xml.Unmarshal(body, &h); err != nil {
		return control.HealthReport{}, err
	}
	incarnation, err := strconv.Atoi(h.Incarnation)
	switch {
	case err != nil || incarnation < 1 || incarnation > v.Incarnation:
		return control.HealthReport{}, fmt.Errorf("there is no goal state %q", h.Incarnation)
	case h.Container.ContainerID != v.Identity.ContainerID:
		return control.HealthReport{}, fmt.Errorf("container %q is not this VM's", h.Container.ContainerID)
	case len(h.Container.Roles) != 1 || h.Container.Roles[0].InstanceID != v.Identity.RoleInstance:
		return control.HealthReport{}, errors.New("the role instance is not this VM's")
	}
	role := h.Container.Roles[0]
	report := control.HealthReport{State: role.State, Incarnation: h.Incarnation}
	if role.Details != nil {
		report.SubStatus, report.Description = role.Details.SubStatus, role.Details.Description
	}
	return report, checkReport(report)
}

func checkReport(r control.HealthReport) error {
	switch {
	case r.State != protocol.Ready && r.State != protocol.NotReady:
		return fmt.Errorf("state %q is neither Ready nor NotReady", r.State)
	case len(r.Description) > 4096:
		return fmt.Errorf("the description has %d bytes, more than 4096", len(r.Description))
	case !utf8.ValidString(r.Description):
		return errors.New("the description is no UTF-8")
	}
	return nil
}

// provisioningHealth takes the JSON report of azure-init.
func (s *Server) provisioningHealth(w http.ResponseWriter, r *http.Request, id string, _ world.View) {
	body, ok := read(w, r, maxReport)
	if !ok {
		return
	}
	var doc struct {
		State   string `json:"state"`
		Details *struct {
			SubStatus   string `json:"subStatus"`
			Description string `json:"description"`
		} `json:"details"`
	}
	err := json.Unmarshal(body, &doc)
	report := control.HealthReport{State: doc.State, Agent: r.UserAgent()}
	if doc.Details != nil {
		report.SubStatus, report.Description = doc.Details.SubStatus, doc.Details.Description
	}
	if err = errors.Join(err, checkReport(report)); err != nil {
		reject(w, r, http.StatusBadRequest, "InvalidHealthReport", err.Error())
		return
	}
	journal.Of(r.Context()).Note(note(report))
	if err := s.World.AddHealth(id, report); err != nil {
		reject(w, r, http.StatusGone, "ResourceNotAvailable", err.Error())
		return
	}
	w.WriteHeader(http.StatusCreated)
}

func (s *Server) roleProperties(w http.ResponseWriter, r *http.Request, id string, v world.View) {
	body, ok := read(w, r, maxReport)
	if !ok {
		return
	}
	var doc protocol.RoleProperties
	err := xml.Unmarshal(body, &doc)
	switch {
	case err != nil:
	case doc.ContainerID != v.Identity.ContainerID:
		err = fmt.Errorf("container %q is not this VM's", doc.ContainerID)
	case len(doc.Instances) != 1 || doc.Instances[0].ID != v.Identity.RoleInstance:
		err = errors.New("the role instance is not this VM's")
	case len(doc.Instances[0].Properties) == 0:
		err = errors.New("there are no properties")
	}
	if err != nil {
		reject(w, r, http.StatusBadRequest, "InvalidRoleProperties", err.Error())
		return
	}
	for _, p := range doc.Instances[0].Properties {
		journal.Of(r.Context()).Note(p.Name + "=" + p.Value)
		if err := s.World.SetProperty(id, p.Name, p.Value); err != nil {
			reject(w, r, http.StatusGone, "ResourceNotAvailable", err.Error())
			return
		}
	}
	w.WriteHeader(http.StatusAccepted)
}

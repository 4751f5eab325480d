package imds

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"

	"github.com/waagent-go/waagent/fabricsim/goal"
	"github.com/waagent-go/waagent/fabricsim/internal/world"
)

// eventVersions are the API versions of scheduled events, oldest first.
func eventVersions() []string {
	return []string{"2017-03-01", "2017-08-01", "2017-11-01", "2019-01-01", "2019-04-01", "2019-08-01", "2020-07-01"}
}

// eventsDocument answers GET /metadata/scheduledevents.
type eventsDocument struct {
	Incarnation int     `json:"DocumentIncarnation"`
	Events      []event `json:"Events"`
}

// event is one of them. Members an older API version does not have are left out.
type event struct {
	ID           string   `json:"EventId"`
	Status       string   `json:"EventStatus"`
	Type         string   `json:"EventType"`
	ResourceType string   `json:"ResourceType"`
	Resources    []string `json:"Resources"`
	NotBefore    string   `json:"NotBefore"` // empty once it has started
	Description  string   `json:"Description,omitempty"`
	Source       string   `json:"EventSource,omitempty"`
	Seconds      *int     `json:"DurationInSeconds,omitempty"` // -1 is unknown
}

// startRequests approves events: they need not wait for their time.
type startRequests struct {
	StartRequests []struct {
		EventID string `json:"EventId"`
	} `json:"StartRequests"`
}

func (s *Server) events(w http.ResponseWriter, r *http.Request, v world.View) {
	version, _ := apiVersion(r)
	incarnation, list, err := s.World.ScheduledEvents(v.Spec.ID)
	if err != nil {
		reject(w, r, http.StatusNotFound, "Not found") // removed just now
		return
	}
	doc := eventsDocument{Incarnation: incarnation, Events: []event{}}
	for _, e := range list {
		if version >= typeSince(e.Type) {
			doc.Events = append(doc.Events, inVersion(e, version))
		}
	}
	answer(w, http.StatusOK, doc)
}

// typeSince is the first version that tells events of a type.
func typeSince(eventType string) string {
	return map[string]string{"Preempt": "2017-11-01", "Terminate": "2019-01-01"}[eventType]
}

func inVersion(e goal.ScheduledEvent, version string) event {
	told := event{ID: e.ID, Status: e.Status, Type: e.Type, ResourceType: "VirtualMachine", Resources: slices.Clone(e.Resources)}
	if e.Status == goal.EventScheduled {
		told.NotBefore = e.NotBefore.UTC().Format(http.TimeFormat)
	}
	if version < "2017-08-01" { // the preview called VMs by another name
		for i := range told.Resources {
			told.Resources[i] = "_" + told.Resources[i]
		}
	}
	if version >= "2019-04-01" {
		told.Description = e.Description
	}
	if version >= "2019-08-01" {
		told.Source = e.Source
	}
	if version >= "2020-07-01" {
		unknown := -1
		told.Seconds = &unknown
		if e.Seconds != nil {
			told.Seconds = e.Seconds
		}
	}
	return told
}

// approve answers POST /metadata/scheduledevents.
func (s *Server) approve(w http.ResponseWriter, r *http.Request, v world.View) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	var doc startRequests
	if err == nil {
		err = json.Unmarshal(body, &doc)
	}
	if err != nil || len(doc.StartRequests) == 0 {
		reject(w, r, http.StatusBadRequest, "Bad request. The body has no StartRequests")
		return
	}
	var ids []string
	for _, start := range doc.StartRequests {
		ids = append(ids, start.EventID)
	}
	if err := s.World.ApproveEvents(v.Spec.ID, ids); err != nil {
		reject(w, r, http.StatusBadRequest, "Bad request. "+err.Error())
		return
	}
	w.Header().Set("Server", server)
	w.WriteHeader(http.StatusOK)
}

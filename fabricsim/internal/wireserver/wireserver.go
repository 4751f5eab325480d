// Package wireserver answers what agents ask of 168.63.129.16:80. It rejects what Azure would reject and marks it in
// the journal; whatever was reported it hands to the world.
package wireserver

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"github.com/waagent-go/waagent/fabricsim/fault"
	"github.com/waagent-go/waagent/fabricsim/internal/documents"
	"github.com/waagent-go/waagent/fabricsim/internal/world"
	"github.com/waagent-go/waagent/fabricsim/journal"
)

// Server answers for all VMs of a world.
type Server struct {
	World *world.World
	Who   func(*http.Request) string // which VM asks, "" if none is known
}

// Routes are all requests WireServer knows, by the names journals and playbooks use.
func (s *Server) Routes() *mux.Router {
	r := mux.NewRouter().SkipClean(true).UseEncodedPath() // role names arrive percent-encoded
	get := func(name, path string, h handler, queries ...string) {
		r.Handle(path, s.vm(h)).Methods(http.MethodGet).Queries(queries...).Name(name)
	}
	post := func(name, path string, h handler, queries ...string) {
		r.Handle(path, s.vm(h)).Methods(http.MethodPost).Queries(queries...).Name(name)
	}
	r.HandleFunc("/", versions).Methods(http.MethodGet).Queries("comp", "versions").Name("versions")
	const document = "/machine/{container}/{role}"
	for _, path := range []string{"/machine", "/machine/"} { // agents differ
		get("goalstate", path, s.goalState, "comp", "goalstate")
		post("health", path, s.health, "comp", "health")
		post("roleProperties", path, s.roleProperties, "comp", "roleProperties")
		post("telemetry", path, s.telemetry, "comp", "telemetrydata")
	}
	get("hostingEnvironmentConfig", document, s.hostingEnvironment, "comp", "config", "type", "hostingEnvironmentConfig")
	get("sharedConfig", document, s.sharedConfig, "comp", "config", "type", "sharedConfig")
	get("extensionsConfig", document, s.extensionsConfig, "comp", "config", "type", "extensionsConfig")
	get("fullConfig", document, s.hostingEnvironment, "comp", "config", "type", "fullConfig")
	get("certificates", document, s.certificates, "comp", "certificates")
	get("remoteAccess", document, s.remoteAccess, "comp", "remoteaccessinfo")
	post("healthService", "/HealthService", s.healthService)
	post("provisioningHealth", "/provisioning/health", s.provisioningHealth)
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reject(w, r, http.StatusNotFound, "ResourceNotFound", "There is no such resource.")
	})
	r.MethodNotAllowedHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reject(w, r, http.StatusMethodNotAllowed, "UnsupportedHttpVerb", "The resource does not support this method.")
	})
	return r
}

// handler answers for one VM.
type handler func(w http.ResponseWriter, r *http.Request, id string, v world.View)

// vm finds the VM that asks and checks the headers that all its requests have.
func (s *Server) vm(next handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := s.Who(r)
		v, ok := s.World.View(id)
		if !ok {
			status := http.StatusNotFound
			if r.URL.Query().Get("comp") == "goalstate" {
				status = http.StatusGone
			}
			reject(w, r, status, "ResourceNotAvailable", "No VM is known under this address.")
			return
		}
		s.World.Touch(id)
		if strings.HasPrefix(r.URL.Path, "/machine") {
			if version := r.Header.Get("x-ms-version"); !known(version) {
				reject(w, r, http.StatusBadRequest, "InvalidVersion", "x-ms-version "+strconv.Quote(version)+" is not supported.")
				return
			}
		}
		next(w, r, id, v)
	})
}

func known(version string) bool {
	return version != "" && strings.Contains(documents.Versions(), "<Version>"+version+"</Version>")
}

// ErrorBody is how WireServer tells an error.
func ErrorBody(status int, code string) (string, []byte) {
	if code == "" {
		code = map[int]string{410: "ResourceNotAvailable", 404: "ResourceNotFound", 503: "ServerBusy"}[status]
	}
	if code == "" {
		code = strings.ReplaceAll(http.StatusText(status), " ", "")
	}
	return "text/xml; charset=utf-8", []byte(documents.Error(code, http.StatusText(status)))
}

// reject answers what Azure would reject, and says so in the journal.
func reject(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	journal.Of(r.Context()).Reject(message)
	answer(w, status, documents.Error(code, message))
}

func answer(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/xml; charset=utf-8")
	h.Set("Server", "Microsoft-IIS/10.0")
	h.Set("x-ms-version", "2012-11-30")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	io.WriteString(w, text) //nolint:errcheck // the client may have gone
}

func versions(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, documents.Versions()) }

func (s *Server) goalState(w http.ResponseWriter, r *http.Request, _ string, v world.View) {
	docs := v.Fabric
	if fault.Of(r.Context()).Stale && v.Earlier != nil {
		docs = v.Earlier
	}
	answer(w, http.StatusOK, documents.GoalState(v.Identity, docs.Goal, base(r)))
}

// base is how the URIs of a goal state start: the host as it was asked, with its port.
func base(r *http.Request) string {
	host := r.Host
	if !strings.Contains(strings.TrimPrefix(host, "["), ":") {
		host += ":80"
	}
	return "http://" + host
}

// document checks that a request for a sub-document names its own VM and the goal state in force.
func document(w http.ResponseWriter, r *http.Request, v world.View) (*world.Documents, bool) {
	vars := mux.Vars(r)
	role, err := url.PathUnescape(vars["role"])
	container, _ := url.PathUnescape(vars["container"])
	if err != nil || role != v.Identity.RoleInstance {
		reject(w, r, http.StatusNotFound, "ResourceNotFound", "This role instance is not on this VM.")
		return nil, false
	}
	docs := v.Fabric
	if fault.Of(r.Context()).Stale && v.Earlier != nil {
		docs = v.Earlier
	}
	if docs.Goal.State.Raw["goalState"] != "" {
		return docs, true // its URIs are what they are
	}
	incarnation, err := strconv.Atoi(r.URL.Query().Get("incarnation"))
	switch {
	case err != nil || incarnation > v.Incarnation:
		reject(w, r, http.StatusBadRequest, "InvalidIncarnation", "There is no such incarnation.")
		return nil, false
	case incarnation < v.Incarnation && !fault.Of(r.Context()).Stale, container != v.Identity.ContainerID:
		// Late, not wrong: the goal state has changed since the client read it.
		journal.Of(r.Context()).Note("stale")
		answer(w, http.StatusGone, documents.Error("ResourceNotAvailable", "The resource requested is no longer available. Please refresh your cache."))
		return nil, false
	}
	return docs, true
}

func (s *Server) hostingEnvironment(w http.ResponseWriter, r *http.Request, _ string, v world.View) {
	if docs, ok := document(w, r, v); ok {
		answer(w, http.StatusOK, documents.HostingEnvironment(v.Identity, docs.Goal))
	}
}

func (s *Server) sharedConfig(w http.ResponseWriter, r *http.Request, _ string, v world.View) {
	if docs, ok := document(w, r, v); ok {
		address := "10.0.0.4"
		if len(v.Spec.Addresses) > 0 {
			address = v.Spec.Addresses[0]
		}
		answer(w, http.StatusOK, documents.SharedConfig(v.Identity, docs.Goal, address))
	}
}

func (s *Server) extensionsConfig(w http.ResponseWriter, r *http.Request, _ string, v world.View) {
	if docs, ok := document(w, r, v); ok {
		answer(w, http.StatusOK, docs.ExtensionsConfig)
	}
}

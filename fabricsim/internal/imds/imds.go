// Package imds answers what guests ask of 169.254.169.254: the instance documents in every API version, reprovisioning
// data of pool VMs, scheduled events and attested documents.
package imds

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	protocol "github.com/waagent-go/waagent/agent/protocol/imds"
	"github.com/waagent-go/waagent/fabricsim/internal/tenant"
	"github.com/waagent-go/waagent/fabricsim/internal/world"
	"github.com/waagent-go/waagent/fabricsim/journal"
)

// server is how the service calls itself in its answers.
const server = "IMDS/150.870.65.1854"

// Server answers for all VMs of a world.
type Server struct {
	World *world.World
	Who   func(*http.Request) string
	// Signer is whose signature attested documents bear.
	Signer func() (*tenant.Signer, error)
}

// Routes are all requests the service knows, by the names journals and playbooks use.
func (s *Server) Routes() *mux.Router {
	r := mux.NewRouter()
	get := func(name, path string, h handler) {
		r.Handle(path, s.vm(h)).Methods(http.MethodGet).Name(name)
	}
	get("imds.versions", "/metadata/versions", versions)
	get("imds.reprovisiondata", "/metadata/reprovisiondata", reprovision)
	get("imds.instance", "/metadata/instance", instance)
	get("imds.compute", "/metadata/instance/compute", instance)
	get("imds.instance", "/metadata/instance/{path:.*}", instance)
	get("imds.scheduledevents", protocol.PathEvents, s.events)
	r.Handle(protocol.PathEvents, s.vm(s.approve)).Methods(http.MethodPost).Name("imds.scheduledevents")
	get("imds.attested", protocol.PathAttested, s.attested)
	get("imds.loadbalancer", "/metadata/loadbalancer", loadBalancer)
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reject(w, r, http.StatusNotFound, "Not found")
	})
	r.MethodNotAllowedHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reject(w, r, http.StatusMethodNotAllowed, "Method not allowed")
	})
	return r
}

type handler func(w http.ResponseWriter, r *http.Request, v world.View)

// vm finds the VM that asks and applies the rules that hold for every request.
func (s *Server) vm(next handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.EqualFold(r.Header.Get("Metadata"), "true") {
			reject(w, r, http.StatusBadRequest, "Bad request. Required metadata header not specified")
			return
		}
		if r.Header.Get("X-Forwarded-For") != "" {
			reject(w, r, http.StatusBadRequest, "Bad request. Request contains header X-Forwarded-For")
			return
		}
		id := s.Who(r)
		v, ok := s.World.View(id)
		if !ok {
			reject(w, r, http.StatusNotFound, "Not found")
			return
		}
		s.World.Touch(id)
		if version, ok := apiVersion(r); !ok && r.URL.Path != "/metadata/versions" {
			badVersion(w, r, version)
			return
		}
		next(w, r, v)
	})
}

// apiVersion is the version a request asks for, and whether there is such a version.
func apiVersion(r *http.Request) (string, bool) {
	v := r.URL.Query().Get("api-version")
	return v, slices.Contains(versionsOf(r.URL.Path), v)
}

// versionsOf lists the versions that a path has.
func versionsOf(path string) []string {
	switch path {
	case protocol.PathEvents: // it has versions of its own
		return eventVersions()
	case protocol.PathAttested:
		return Versions()[slices.Index(Versions(), firstAttested):]
	}
	return Versions()
}

func badVersion(w http.ResponseWriter, r *http.Request, version string) {
	all := versionsOf(r.URL.Path)
	text := "Bad request. api-version is invalid or was not specified in the request."
	journal.Of(r.Context()).Reject("api-version " + strconv.Quote(version))
	answer(w, http.StatusBadRequest, map[string]any{"error": text, "newest-versions": all[len(all)-3:]})
}

// ErrorBody is how the service tells an error.
func ErrorBody(status int, _ string) (string, []byte) {
	text := map[int]string{400: "Bad request", 404: "Not found", 410: "Gone", 429: "Too many requests", 500: "Internal server error"}[status]
	if text == "" {
		text = http.StatusText(status)
	}
	return "application/json; charset=utf-8", []byte(fmt.Sprintf(`{"error":%q}`, text))
}

// reject answers what Azure would reject, and says so in the journal.
func reject(w http.ResponseWriter, r *http.Request, status int, message string) {
	journal.Of(r.Context()).Reject(message)
	answer(w, status, map[string]any{"error": message})
}

func answer(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	text := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Server", server)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	w.Write(text) //nolint:errcheck // the client may have gone
}

func versions(w http.ResponseWriter, _ *http.Request, _ world.View) {
	answer(w, http.StatusOK, map[string]any{"apiVersions": Versions()})
}

// reprovision answers 404 until the pool VM has an owner, then a whole new OVF document.
func reprovision(w http.ResponseWriter, _ *http.Request, v world.View) {
	if v.Reprovision == "" {
		answer(w, http.StatusNotFound, map[string]any{"error": "Not found"}) // the client is meant to ask again
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.Write([]byte(v.Reprovision)) //nolint:errcheck // the client may have gone
}

func loadBalancer(w http.ResponseWriter, _ *http.Request, _ world.View) {
	answer(w, http.StatusNotFound, map[string]any{"error": "No load balancer metadata is found. Please check if your VM is using any non-basic SKU load balancers"})
}

// Package hostga answers what agents ask of HostGAPlugin, 168.63.129.16:32526: vmSettings, and storage on the VM's
// behalf. It reaches blob storage in process, so it works while the guest's own way there is cut off.
package hostga

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	protocol "github.com/waagent-go/waagent/agent/protocol/hostga"
	"github.com/waagent-go/waagent/fabricsim/fault"
	"github.com/waagent-go/waagent/fabricsim/internal/world"
	"github.com/waagent-go/waagent/fabricsim/journal"
)

// Server answers for all VMs of a world.
type Server struct {
	World *world.World
	Who   func(*http.Request) string
}

// Routes are all requests the plugin knows, by the names journals and playbooks use.
func (s *Server) Routes() *mux.Router {
	r := mux.NewRouter()
	r.Handle(protocol.PathVersions, s.vm(versions)).Methods(http.MethodGet).Name("hostga.versions")
	r.Handle(protocol.PathHealth, s.vm(health)).Methods(http.MethodGet).Name("hostga.health")
	r.Handle(protocol.PathVMSettings, s.vm(s.vmSettings)).Methods(http.MethodGet).Name("vmSettings")
	r.Handle(protocol.PathArtifact, s.vm(s.artifact)).Methods(http.MethodGet).Name("extensionArtifact")
	r.Handle(protocol.PathStatus, s.vm(s.status)).Methods(http.MethodPut).Name("status")
	r.Handle(protocol.PathVMAgentLog, s.vm(s.vmAgentLog)).Methods(http.MethodPut).Name("vmAgentLog")
	r.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reject(w, r, http.StatusNotFound, "ResourceNotFound", "There is no such API.")
	})
	r.MethodNotAllowedHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reject(w, r, http.StatusMethodNotAllowed, "UnsupportedHttpVerb", "The API does not support this method.")
	})
	return r
}

type handler func(w http.ResponseWriter, r *http.Request, id string, v world.View)

func (s *Server) vm(next handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := s.Who(r)
		v, ok := s.World.View(id)
		if !ok {
			reject(w, r, http.StatusNotFound, "ResourceNotFound", "No VM is known under this address.")
			return
		}
		s.World.Touch(id)
		next(w, r, id, v)
	})
}

// ErrorBody is how the plugin tells an error.
func ErrorBody(status int, code string) (string, []byte) {
	if code == "" {
		code = map[int]string{
			400: protocol.InvalidContainerConfiguration, 403: protocol.AccessDenied, 410: protocol.RoleConfigNotFound, 502: protocol.InternalError,
		}[status]
	}
	if code == "" {
		code = strings.ReplaceAll(http.StatusText(status), " ", "")
	}
	return "application/json; charset=utf-8", errorJSON(code, http.StatusText(status))
}

func errorJSON(code, message string) []byte {
	text, err := json.Marshal(protocol.Error{Code: code, Message: message})
	if err != nil {
		return []byte("{}") // cannot be: strings encode
	}
	return text
}

// reject answers what Azure would reject, and says so in the journal.
func reject(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	journal.Of(r.Context()).Reject(message)
	refuse(w, status, code, message)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	w.Write(errorJSON(code, message)) //nolint:errcheck // the client may have gone
}

func versions(w http.ResponseWriter, _ *http.Request, _ string, _ world.View) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	io.WriteString(w, `["2015-09-01"]`) //nolint:errcheck // the client may have gone
}

func health(w http.ResponseWriter, _ *http.Request, _ string, _ world.View) {
	w.WriteHeader(http.StatusOK)
}

// mine checks the headers by which the plugin knows the goal state a request rests on.
func (s *Server) mine(w http.ResponseWriter, r *http.Request, id string, v world.View) bool {
	container, config := r.Header.Get(protocol.HeaderContainerID), r.Header.Get(protocol.HeaderConfigName)
	refused := refuse
	late := s.World.Former(id, container, config)
	if !late {
		refused = func(w http.ResponseWriter, status int, code, message string) { reject(w, r, status, code, message) }
	} else {
		journal.Of(r.Context()).Note("stale")
	}
	switch {
	case r.Header.Get(protocol.HeaderVersion) != protocol.APIVersion:
		reject(w, r, http.StatusBadRequest, "InvalidVersion", "x-ms-version must be "+protocol.APIVersion)
	case container != v.Identity.ContainerID:
		refused(w, http.StatusBadRequest, protocol.InvalidContainerConfiguration, "The container id of the request is not the current one.")
	case config != v.Identity.ConfigName:
		refused(w, http.StatusGone, protocol.RoleConfigNotFound, "The requested role configuration was not found.")
	default:
		return true
	}
	return false
}

func (s *Server) vmSettings(w http.ResponseWriter, r *http.Request, id string, v world.View) {
	if v.Spec.NoFastTrack {
		refuse(w, http.StatusNotFound, "NotFound", "The API is not supported.") // no mistake of the client's
		return
	}
	if !s.mine(w, r, id, v) {
		return
	}
	settings := v.Settings
	if fault.Of(r.Context()).Stale && v.Was != nil {
		settings = v.Was
	}
	h := w.Header()
	h.Set("ETag", settings.ETag)
	if r.Header.Get("If-None-Match") == settings.ETag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(settings.JSON)))
	journal.Of(r.Context()).Note(settings.Source + " etag " + settings.ETag)
	io.WriteString(w, settings.JSON) //nolint:errcheck // the client may have gone
}

func (s *Server) vmAgentLog(w http.ResponseWriter, r *http.Request, id string, v world.View) {
	deployment, _, _ := strings.Cut(v.Identity.ConfigName, ".")
	switch {
	case r.Header.Get(protocol.HeaderContainerID) != v.Identity.ContainerID:
		reject(w, r, http.StatusBadRequest, protocol.InvalidContainerConfiguration, "The container id of the request is not the current one.")
		return
	case r.Header.Get(protocol.HeaderDeploymentID) != deployment:
		reject(w, r, http.StatusBadRequest, "InvalidDeployment", "The deployment id of the request is not the current one.")
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 150<<20))
	if err != nil || !strings.HasPrefix(string(body[:min(len(body), 4)]), "PK") {
		reject(w, r, http.StatusBadRequest, "InvalidContent", "The body is no zip archive.")
		return
	}
	if err := s.World.SetLogs(id, body); err != nil {
		reject(w, r, http.StatusNotFound, "ResourceNotFound", err.Error())
		return
	}
	w.WriteHeader(http.StatusOK)
}

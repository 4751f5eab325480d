package hostga

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	protocol "github.com/waagent-go/waagent/agent/protocol/hostga"
	"github.com/waagent-go/waagent/agent/protocol/redact"
	"github.com/waagent-go/waagent/fabricsim/internal/world"
	"github.com/waagent-go/waagent/fabricsim/journal"
)

// maxUpload bounds the body of PUT /status.
const maxUpload = 8 << 20

type hostKey struct{}

// ViaHost reports whether a request to blob storage was made by the plugin on a VM's behalf.
func ViaHost(ctx context.Context) bool { return ctx.Value(hostKey{}) != nil }

// artifact relays a download. What storage refuses the plugin answers by 502, as it does its own troubles.
func (s *Server) artifact(w http.ResponseWriter, r *http.Request, id string, v world.View) {
	if !s.mine(w, r, id, v) {
		return
	}
	location := r.Header.Get(protocol.HeaderArtifactLocation)
	inner, err := s.inner(r, http.MethodGet, location, nil)
	if err != nil {
		reject(w, r, http.StatusBadRequest, "InvalidArtifactLocation", err.Error())
		return
	}
	status, header, body := s.World.Blobs.Do(inner)
	journal.Of(r.Context()).Note("artifact " + redact.SAS(location))
	if status != http.StatusOK {
		refuse(w, http.StatusBadGateway, protocol.InternalError, string(body))
		return
	}
	w.Header().Set("Content-Type", header.Get("Content-Type"))
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.Write(body) //nolint:errcheck // the client may have gone
}

// status replays an upload to storage.
func (s *Server) status(w http.ResponseWriter, r *http.Request, id string, v world.View) {
	if !s.mine(w, r, id, v) {
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxUpload+1))
	if err != nil || len(body) > maxUpload {
		reject(w, r, http.StatusBadRequest, "InvalidContent", "The body is too large, or ended early.")
		return
	}
	inner, err := s.upload(r, body)
	if err != nil {
		reject(w, r, http.StatusBadRequest, "InvalidContent", err.Error())
		return
	}
	status, _, answer := s.World.Blobs.Do(inner)
	if status != http.StatusCreated {
		refuse(w, http.StatusBadGateway, protocol.InternalError, string(answer))
		return
	}
	w.WriteHeader(http.StatusOK)
}

// upload turns the body of PUT /status into the request to storage it describes.
func (s *Server) upload(r *http.Request, body []byte) (*http.Request, error) {
	var doc protocol.StatusUpload
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		return nil, err
	}
	var content []byte
	if doc.Content != nil {
		var err error
		if content, err = base64.StdEncoding.DecodeString(*doc.Content); err != nil {
			return nil, fmt.Errorf("content: %w", err)
		}
	}
	inner, err := s.inner(r, http.MethodPut, doc.RequestURI, content)
	if err != nil {
		return nil, err
	}
	for _, h := range doc.Headers {
		if strings.EqualFold(h.Name, "Content-Length") {
			if h.Value != fmt.Sprint(len(content)) {
				return nil, fmt.Errorf("Content-Length %s, but the content has %d bytes", h.Value, len(content))
			}
			continue
		}
		inner.Header.Set(h.Name, h.Value)
	}
	return inner, nil
}

// inner makes a request to the fabric's own storage; the plugin goes nowhere else.
func (s *Server) inner(r *http.Request, method, uri string, content []byte) (*http.Request, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" {
		return nil, errors.New("there is no URL to go to")
	}
	if !s.World.Blobs.Owns(u) {
		return nil, fmt.Errorf("%s is no storage of this fabric", u.Hostname())
	}
	inner, err := http.NewRequestWithContext(context.WithValue(r.Context(), hostKey{}, true), method, uri, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	inner.Host = u.Host
	inner.ContentLength = int64(len(content))
	return inner, nil
}

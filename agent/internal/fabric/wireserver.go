package fabric

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// WireServer is the client of WireServer.
type WireServer struct {
	HTTP     *HTTP
	Endpoint string // IP address
	Identity *Identity
}

func (w *WireServer) url(path string) string { return "http://" + w.Endpoint + path }

// Versions asks which protocol versions WireServer speaks. Retries are the caller's: it has the whole of provisioning.
func (w *WireServer) Versions(ctx context.Context, retry Retry) (wireserver.Versions, error) {
	var v wireserver.Versions
	r, err := w.HTTP.Do(ctx, Request{Method: http.MethodGet, URL: w.url(wireserver.PathVersions)}, retry)
	if err != nil {
		return v, err
	}
	if err := DecodeXML(r.Body, &v); err != nil {
		return v, fmt.Errorf("read versions: %w", err)
	}
	if v.Preferred != wireserver.Version && !slices.Contains(v.Supported, wireserver.Version) {
		return v, fmt.Errorf("the fabric at %s does not speak protocol version %s", w.Endpoint, wireserver.Version)
	}
	return v, nil
}

const (
	roleInstanceTries = 6
	roleInstanceWait  = 500 * time.Millisecond
)

// GoalState fetches the goal state and its text. A document without a role instance is asked for again: the fabric
// sends such while it makes up its mind.
func (w *WireServer) GoalState(ctx context.Context) (wireserver.GoalState, []byte, error) {
	return w.goalState(ctx, Retry{})
}

func (w *WireServer) goalState(ctx context.Context, retry Retry) (wireserver.GoalState, []byte, error) {
	for try := 1; ; try++ {
		body, err := w.document(ctx, w.url(wireserver.PathGoalState), retry)
		if err != nil {
			return wireserver.GoalState{}, nil, err
		}
		var gs wireserver.GoalState
		if err := DecodeXML(body, &gs); err != nil {
			return wireserver.GoalState{}, nil, fmt.Errorf("read goal state: %w", err)
		}
		if gs.Incarnation != "" && len(gs.Container.RoleInstances) > 0 {
			w.Identity.learn(gs)
			return gs, body, nil
		}
		if try == roleInstanceTries {
			return gs, body, errors.New("read goal state: it has no incarnation or no role instance")
		}
		if err := Sleep(ctx, roleInstanceWait); err != nil {
			return gs, body, err
		}
	}
}

// Refresh asks for the goal state to learn container id and configuration name anew.
func (w *WireServer) Refresh(ctx context.Context) error {
	_, _, err := w.GoalState(ctx)
	return err
}

// Place is where the fabric thinks this VM is; it is asked if it has not said so yet.
func (w *WireServer) Place(ctx context.Context) (Place, error) {
	if p := w.Identity.Place(); p.ContainerID != "" {
		return p, nil
	}
	err := w.Refresh(ctx)
	return w.Identity.Place(), err
}

func plainHeader() map[string]string {
	return map[string]string{wireserver.HeaderAgentName: wireserver.AgentName, wireserver.HeaderVersion: wireserver.Version}
}

// Document fetches the goal state or a sub-document at uri, which is used as the goal state gives it.
func (w *WireServer) Document(ctx context.Context, uri string) ([]byte, error) {
	return w.document(ctx, uri, Retry{})
}

func (w *WireServer) document(ctx context.Context, uri string, retry Retry) ([]byte, error) {
	r, err := w.HTTP.Do(ctx, Request{Method: http.MethodGet, URL: strings.TrimSpace(uri), Header: plainHeader()}, retry)
	return r.Body, err
}

// Sealed fetches a document that is encrypted to certificate (a Transport's Header) with the given cipher.
func (w *WireServer) Sealed(ctx context.Context, uri, certificate, cipher string) ([]byte, error) {
	h := plainHeader()
	h[wireserver.HeaderCertificate] = certificate
	h[wireserver.HeaderCipher] = cipher
	r, err := w.HTTP.Do(ctx, Request{Method: http.MethodGet, URL: strings.TrimSpace(uri), Header: h}, Retry{})
	return r.Body, err
}

// post sends an XML document.
func (w *WireServer) post(ctx context.Context, path string, body []byte, ok []int, retry Retry) error {
	h := plainHeader()
	h["Content-Type"] = wireserver.ContentTypeXML
	_, err := w.HTTP.Do(ctx, Request{Method: http.MethodPost, URL: w.url(path), Header: h, Body: body, OK: ok}, retry)
	return err
}

// Telemetry posts a batch of events of one provider. Where the fabric asks for fewer calls it is given time.
func (w *WireServer) Telemetry(ctx context.Context, body []byte) error {
	return w.post(ctx, wireserver.PathTelemetry, body, nil,
		Retry{Attempts: 3, ThrottleAttempts: 3, ThrottleWait: 8 * time.Second})
}

// utf8BOM may stand before any document of the fabric.
var utf8BOM = []byte("\xef\xbb\xbf")

// TrimBOM takes a byte order mark off.
func TrimBOM(body []byte) []byte { return bytes.TrimPrefix(body, utf8BOM) }

// DecodeXML decodes one XML document.
func DecodeXML(body []byte, v any) error { return xml.Unmarshal(TrimBOM(body), v) }

// EncodeXML writes a document with its declaration, without white space between elements.
func EncodeXML(v any) ([]byte, error) {
	body, err := xml.Marshal(v)
	if err != nil {
		return nil, err
	}
	return append([]byte(`<?xml version="1.0" encoding="utf-8"?>`), body...), nil
}

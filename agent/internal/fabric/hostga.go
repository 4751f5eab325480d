package fabric

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/protocol/hostga"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// HostGA is the client of HostGAPlugin.
type HostGA struct {
	HTTP *HTTP
	Wire *WireServer // whose Identity the calls carry, and which renews it
	// NewID makes the correlation id of a request.
	NewID func() string
	// Asked, when set, hears how a call that the platform wants to know about ended, under its observation's name.
	Asked func(observation string, err error)
}

func (g *HostGA) asked(observation string, err error) {
	if g.Asked != nil {
		g.Asked(observation, err)
	}
}

func (g *HostGA) url(path string) string {
	return "http://" + g.Wire.Endpoint + ":" + strconv.Itoa(hostga.Port) + path
}

// refreshed calls try with where the VM is, and once more with the answer of a fresh goal state if the host says that
// this is out of date.
func (g *HostGA) refreshed(ctx context.Context, try func(Place) error) error {
	place, err := g.Wire.Place(ctx)
	if err != nil {
		return err
	}
	err = try(place)
	if !Stale(err) {
		return err
	}
	if err := g.Wire.Refresh(ctx); err != nil {
		return err
	}
	return try(g.Wire.Identity.Place())
}

// Versions asks whether the plugin speaks the agent's version of its API.
func (g *HostGA) Versions(ctx context.Context) error {
	place, err := g.Wire.Place(ctx)
	if err != nil {
		return err
	}
	r, err := g.HTTP.Do(ctx, Request{
		Method: http.MethodGet, URL: g.url(hostga.PathVersions),
		Header: map[string]string{hostga.HeaderContainerID: place.ContainerID},
	}, Retry{})
	g.asked(wireserver.ObservePluginVersions, err)
	if err != nil {
		return err
	}
	if !strings.Contains(string(r.Body), hostga.APIVersion) {
		return fmt.Errorf("HostGAPlugin does not speak version %s", hostga.APIVersion)
	}
	return nil
}

// Health asks the plugin how it is.
func (g *HostGA) Health(ctx context.Context) error {
	_, err := g.HTTP.Do(ctx, Request{Method: http.MethodGet, URL: g.url(hostga.PathHealth)}, Raw())
	return err
}

// ErrNotModified is the answer that nothing has changed since the ETag that was sent.
var ErrNotModified = errors.New("not modified")

// VMSettings fetches vmSettings, tried once: the next period comes soon. etag "" asks for them whatever they are.
func (g *HostGA) VMSettings(ctx context.Context, etag string) (body []byte, newTag string, err error) {
	err = g.refreshed(ctx, func(p Place) error {
		h := g.header(p)
		h[hostga.HeaderCorrelationID] = g.NewID()
		if etag != "" {
			h[hostga.HeaderIfNoneMatch] = etag
		}
		r, err := g.HTTP.Do(ctx, Request{
			Method: http.MethodGet, URL: g.url(hostga.PathVMSettings), Header: h,
			OK: []int{http.StatusOK, http.StatusNotModified},
		}, Raw())
		if err != nil {
			return err
		}
		if r.Code == http.StatusNotModified {
			return ErrNotModified
		}
		if body, newTag = r.Body, r.Header.Get("ETag"); newTag == "" {
			return fmt.Errorf("GET %s: the answer has no ETag", g.url(hostga.PathVMSettings))
		}
		return nil
	})
	return body, newTag, err
}

func (g *HostGA) header(p Place) map[string]string {
	return map[string]string{
		hostga.HeaderVersion:     hostga.APIVersion,
		hostga.HeaderContainerID: p.ContainerID,
		hostga.HeaderConfigName:  p.ConfigName,
	}
}

// Artifact is something to be fetched by the host on the VM's behalf.
type Artifact struct {
	URI         string
	ManifestURI string // of packages only
	Verify      bool   // the goal state is Fast Track: the host checks that it names the artifact
}

// Artifact streams an artifact through the host.
func (g *HostGA) Artifact(ctx context.Context, a Artifact, read func(io.Reader) error) error {
	return g.refreshed(ctx, func(p Place) error {
		h := g.header(p)
		h[hostga.HeaderArtifactLocation] = a.URI
		if a.Verify {
			h[hostga.HeaderVerifyArtifact] = "true"
		}
		if a.ManifestURI != "" {
			h[hostga.HeaderManifestLocation] = a.ManifestURI
		}
		err := g.HTTP.Stream(ctx, Request{Method: http.MethodGet, URL: g.url(hostga.PathArtifact), Header: h}, Retry{}, read)
		g.asked(wireserver.ObservePluginArtifact, err)
		return err
	})
}

// PutStatus asks the host for one upload to storage. A stale identity is renewed for the next time, and reported.
func (g *HostGA) PutStatus(ctx context.Context, body []byte, retry Retry) error {
	place, err := g.Wire.Place(ctx)
	if err != nil {
		return err
	}
	h := g.header(place)
	h["Content-Type"] = wireserver.ContentTypeJSON
	_, err = g.HTTP.Do(ctx, Request{Method: http.MethodPut, URL: g.url(hostga.PathStatus), Header: h, Body: body}, retry)
	g.asked(wireserver.ObservePluginStatus, err)
	if Stale(err) {
		return errors.Join(err, g.Wire.Refresh(ctx))
	}
	return err
}

// logTimeout is longer than usual: the host stores the archive before it answers.
const logTimeout = 30 * time.Second

// PutLog uploads an archive of logs.
func (g *HostGA) PutLog(ctx context.Context, archive []byte) error {
	place, err := g.Wire.Place(ctx)
	if err != nil {
		return err
	}
	_, err = g.HTTP.Do(ctx, Request{
		Method: http.MethodPut, URL: g.url(hostga.PathVMAgentLog), Body: archive, Timeout: logTimeout,
		Header: map[string]string{
			hostga.HeaderVersion:       hostga.APIVersion,
			hostga.HeaderContainerID:   place.ContainerID,
			hostga.HeaderDeploymentID:  place.DeploymentID(),
			hostga.HeaderClientName:    wireserver.AgentName,
			hostga.HeaderClientVersion: g.HTTP.Version,
			hostga.HeaderCorrelationID: g.NewID(),
		},
	}, Retry{})
	return err
}

package fabric

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// Observe tells the platform's health service what the agent saw of one of the host's services.
func (w *WireServer) Observe(ctx context.Context, o wireserver.Observation) error {
	o.Name = first(o.Name, wireserver.MaxObservationName)
	o.Description = first(o.Description, wireserver.MaxObservationDescription)
	o.Value = first(o.Value, wireserver.MaxObservationDescription)
	body, err := json.Marshal(wireserver.HealthObservations{
		API: wireserver.HealthAPI, Version: wireserver.HealthVersion, Source: wireserver.AgentName,
		Observations: []wireserver.Observation{o},
	})
	if err != nil {
		return err
	}
	_, err = w.HTTP.Do(ctx, Request{
		Method: http.MethodPost, URL: w.url(wireserver.PathHealthService), Body: body,
		Header: map[string]string{"Content-Type": wireserver.ContentTypeJSON},
	}, Retry{})
	return err
}

// first is the beginning of s, at most n characters.
func first(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

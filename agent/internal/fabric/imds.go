package fabric

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/waagent-go/waagent/agent/protocol/imds"
)

// IMDS is the client of the instance metadata service.
type IMDS struct{ HTTP *HTTP }

func (m *IMDS) get(ctx context.Context, path, version, userAgent string, retry Retry) ([]byte, error) {
	r, err := m.HTTP.Do(ctx, Request{
		Method: http.MethodGet, URL: "http://" + imds.Address + path + "?api-version=" + version,
		Header: map[string]string{imds.HeaderMetadata: "True"}, UserAgent: userAgent,
	}, retry)
	return r.Body, err
}

// Compute asks what the platform knows of this VM.
func (m *IMDS) Compute(ctx context.Context, retry Retry) (imds.Compute, error) {
	var c imds.Compute
	body, err := m.get(ctx, imds.PathCompute, imds.APIVersion, "", retry)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(TrimBOM(body), &c); err != nil {
		return c, fmt.Errorf("read instance metadata: %w", err)
	}
	return c, nil
}

// SecurityType asks what protects the VM: ConfidentialVM, TrustedLaunch or "".
func (m *IMDS) SecurityType(ctx context.Context) (string, error) {
	var c imds.Compute
	body, err := m.get(ctx, imds.PathCompute, imds.APIVersionProfile, "", Retry{})
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(TrimBOM(body), &c); err != nil {
		return "", fmt.Errorf("read instance metadata: %w", err)
	}
	if c.SecurityProfile == nil {
		return "", nil
	}
	return c.SecurityProfile.SecurityType, nil
}

// Health asks for the whole document as the health probe does, and looks whether it names the VM's first address.
func (m *IMDS) Health(ctx context.Context) error {
	var i imds.Instance
	body, err := m.get(ctx, imds.PathInstance, imds.APIVersion, "+health", Retry{})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(TrimBOM(body), &i); err != nil {
		return fmt.Errorf("read instance metadata: %w", err)
	}
	if len(i.Network.Interfaces) == 0 || i.Network.Interfaces[0].MACAddress == "" ||
		len(i.Network.Interfaces[0].IPv4.Addresses) == 0 || i.Network.Interfaces[0].IPv4.Addresses[0].Private == "" {
		return errors.New("read instance metadata: it names no network address")
	}
	return nil
}

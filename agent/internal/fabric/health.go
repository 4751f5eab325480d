package fabric

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/waagent-go/waagent/agent/protocol/wireserver"
)

// Health is what the agent says of the VM's start. The zero Details are none.
type Health struct {
	State       string // wireserver.Ready or NotReady
	SubStatus   string // wireserver.Provisioning, ProvisioningFailed; "" for no details
	Description string
}

// The reports that provisioning makes.
var (
	Starting = Health{State: wireserver.NotReady, SubStatus: wireserver.Provisioning, Description: "Starting"}
	Ready    = Health{State: wireserver.Ready}
)

// Failed is the report of a provisioning that went wrong.
func Failed(reason string) Health {
	return Health{State: wireserver.NotReady, SubStatus: wireserver.ProvisioningFailed, Description: reason}
}

// healthWait is the longest pause between two tries to report: a VM must be known to be ready soon after the fabric
// can be reached again.
const healthWait = 6 * time.Second

// ReportHealth posts h, and goes on trying until the fabric has taken it, refused it for good, or ctx ends. failed, if
// not nil, hears of every failed try that is followed by another.
func (w *WireServer) ReportHealth(ctx context.Context, h Health, failed func(error)) error {
	retry := Retry{Attempts: Forever, Max: healthWait}
	if failed != nil {
		retry.Failed = func(err error, _ int, _ time.Duration) { failed(err) }
	}
	renewed := false
	return retry.do(ctx, "report health", func(int) error {
		err := w.reportOnce(ctx, h)
		if !Stale(err) || renewed {
			return err
		}
		renewed = true
		if _, _, err := w.goalState(ctx, Raw()); err != nil {
			return err
		}
		return w.reportOnce(ctx, h)
	})
}

func (w *WireServer) reportOnce(ctx context.Context, h Health) error {
	if w.Identity.Place().ContainerID == "" {
		if _, _, err := w.goalState(ctx, Raw()); err != nil {
			return err
		}
	}
	body, err := healthDocument(w.Identity.Place(), h)
	if err != nil {
		return err
	}
	return w.post(ctx, wireserver.PathHealth, body, nil, Raw())
}

// OncePerCause makes a callback for ReportHealth and its like that logs each different cause a single time, however
// often it comes.
func OncePerCause(log *slog.Logger, message string) func(error) {
	said := map[string]bool{}
	return func(err error) {
		if cause := err.Error(); !said[cause] {
			said[cause] = true
			log.Warn(message, "error", err)
		}
	}
}

func healthDocument(p Place, h Health) ([]byte, error) {
	role := wireserver.HealthRole{InstanceID: p.RoleInstanceID, State: h.State}
	if h.SubStatus != "" {
		// Characters are counted before they are escaped, as the original does.
		role.Details = &wireserver.HealthDetails{SubStatus: h.SubStatus, Description: first(h.Description, wireserver.MaxDescription)}
	}
	return EncodeXML(wireserver.Health{
		XSI: wireserver.NamespaceXSI, XSD: wireserver.NamespaceXSD, Incarnation: p.Incarnation,
		Container: wireserver.HealthContainer{ContainerID: p.ContainerID, Roles: []wireserver.HealthRole{role}},
	})
}

// ReportFingerprint posts the SSH host key's fingerprint as a role property. The fabric says 202 to it, and nothing
// else counts.
func (w *WireServer) ReportFingerprint(ctx context.Context, fingerprint string) error {
	place, err := w.Place(ctx)
	if err != nil {
		return err
	}
	body, err := EncodeXML(wireserver.RoleProperties{
		ContainerID: place.ContainerID,
		Instances: []wireserver.RolePropertyInstance{{
			ID:         place.RoleInstanceID,
			Properties: []wireserver.RoleProperty{{Name: wireserver.CertificateThumbprint, Value: fingerprint}},
		}},
	})
	if err != nil {
		return err
	}
	if err := w.post(ctx, wireserver.PathRoleProperties, body, []int{http.StatusAccepted}, Retry{}); err != nil {
		return fmt.Errorf("report host key fingerprint: %w", err)
	}
	return nil
}

package agent

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/waagent-go/waagent/agent/internal/monitor"
	"github.com/waagent-go/waagent/agent/internal/netenv"
	"github.com/waagent-go/waagent/agent/internal/telemetry"
)

// duties are what the goal-state process does beside goal states.
func (p *program) duties(l *link, r *telemetry.Recorder, failed func() int) []Duty {
	m := &monitor.Monitor{
		Wire: l.wire, Host: l.host, IMDS: l.imds, Events: r, Log: p.log,
		HeartbeatID: strings.ToUpper(uuid.NewString()), AutoUpdate: p.conf.AutoUpdate.Enabled, GoalStateErrors: failed,
	}
	l.http.Unanswered, l.host.Asked = m.Unanswered, m.Asked
	r.Common.Container = func() string { return l.wire.Identity.Place().ContainerID }
	c := &telemetry.Collector{
		Files: p.files, Dir: p.conf.LibDir, LogDir: p.conf.ExtensionLogDir, Common: r.Common, Wire: l.wire,
		ExtensionPeriod: p.conf.Debug.EtpCollectionPeriod, Events: r, Log: p.log,
	}
	all := []Duty{m, c}
	if p.conf.Network.MonitorChanges && p.onMachine() {
		all = append(all, dutyFunc{"NetworkChanges", func(ctx context.Context) error {
			return netenv.Watch(ctx, func(what string) { p.log.Info("Network configuration changed", "what", what) })
		}})
	}
	return append(all, p.osDuties(l, r)...)
}

// onMachine reports whether this is the running system and not a folder: only then is the kernel this agent's to look
// after.
func (p *program) onMachine() bool { return p.Root == "/" }

package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/logcollect"
	"github.com/waagent-go/waagent/agent/internal/policy"
	"github.com/waagent-go/waagent/agent/machine"
)

// errDisabled ends the goal-state process: a file said that the agent is to sleep.
var errDisabled = errors.New("the agent is disabled")

// start starts the daemon in the background and returns at once.
func (p *program) start(ctx context.Context) int {
	o := p.Options
	o.Args = []string{"-daemon"}
	if p.command.ConfPath != "" {
		o.Args = append(o.Args, "-configuration-path:"+p.command.ConfPath)
	}
	o.Stdout, o.Stderr = nil, nil
	if _, err := p.Spawn(ctx, o); err != nil {
		fmt.Fprintln(p.Stderr, "start the daemon:", err)
		return 1
	}
	return 0
}

// registerService registers, stops and starts the agent's service; what a distribution has no command for is skipped.
func (p *program) registerService(ctx context.Context) int {
	for _, do := range []struct {
		word string
		argv []string
	}{{"Register", p.family.Register}, {"Stop", p.family.Stop}, {"Start", p.family.Start}} {
		fmt.Fprintf(p.Stdout, "%s %s service\n", do.word, p.family.Service)
		if do.argv == nil {
			continue
		}
		if _, err := p.Machine.Run(ctx, machine.Command{Argv: do.argv}); err != nil {
			p.log.Warn("Cannot change the service", "step", do.word, "error", err)
		}
	}
	return 0
}

// collectLogs packs what support asks for.
func (p *program) collectLogs(ctx context.Context) int {
	c := logcollect.Collector{
		Files: p.files, LibDir: p.conf.LibDir, ExtensionLogDir: p.conf.ExtensionLogDir, ConfFile: p.conf.Path,
	}
	start := time.Now()
	if err := c.Collect(ctx, p.command.Full); err != nil {
		return p.exit(err)
	}
	p.log.Info("Log collection successfully completed", "archive", c.Archive(), "took", time.Since(start).Round(time.Millisecond))
	return 0
}

// policy reads the extension policy in force; nil when there is none.
func (p *program) policy() (*policy.Policy, error) {
	if !p.files.Exists(p.conf.PolicyFile) {
		return nil, nil
	}
	text, err := p.files.ReadFile(p.conf.PolicyFile)
	if err != nil {
		return nil, err
	}
	return policy.Parse(text)
}

func (p *program) eventSink() (event.Sink, func()) { return event.Discard{}, func() {} }
func (p *program) history() goalstate.Keeper       { return nil }
func (p *program) duties(*link, event.Sink) []Duty { return nil }
func (p *program) publish(context.Context, string) error {
	return nil
}
func (p *program) inspect() int                      { return 0 }
func (p *program) deprovision(context.Context) int   { return 0 }
func (p *program) setupFirewall(context.Context) int { return 0 }
func (p *program) serialConsole(context.Context) int { return 0 }

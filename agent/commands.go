package agent

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/account"
	"github.com/waagent-go/waagent/agent/internal/cmdline"
	"github.com/waagent-go/waagent/agent/internal/deprovision"
	"github.com/waagent-go/waagent/agent/internal/history"
	"github.com/waagent-go/waagent/agent/internal/inspect"
	"github.com/waagent-go/waagent/agent/internal/logcollect"
	"github.com/waagent-go/waagent/agent/internal/logline"
	"github.com/waagent-go/waagent/agent/internal/policy"
	"github.com/waagent-go/waagent/agent/internal/remoteaccess"
	"github.com/waagent-go/waagent/agent/internal/resourcedisk"
	"github.com/waagent-go/waagent/agent/machine"
)

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

// policy reads the extension policy in force, and keeps its text; nil when there is none.
func (p *program) policy(h *history.History) (*policy.Policy, error) {
	if !p.files.Exists(p.conf.PolicyFile) {
		return nil, nil
	}
	text, err := p.files.ReadFile(p.conf.PolicyFile)
	if err != nil {
		return nil, err
	}
	h.Add("waagent_policy.json", text)
	return policy.Parse(text)
}

// history keeps what the fabric said.
func (p *program) history() *history.History {
	return &history.History{Files: p.files, Dir: p.conf.LibDir, Log: p.log}
}

// remoteAccess keeps the just-in-time accounts.
func (p *program) remoteAccess(l *loop) *remoteaccess.Access {
	return &remoteaccess.Access{
		Accounts: remoteaccess.Machine{
			Accounts: account.Accounts{Files: p.files, Machine: p.Machine, Family: p.family},
			Sudoers:  account.Sudoers{Files: p.files, Dir: p.conf.OS.SudoersDir},
			Scheme:   account.Scheme{ID: p.conf.Provisioning.PasswordCryptID, SaltLength: p.conf.Provisioning.PasswordCryptSaltLength},
		},
		Decrypt: func(cms []byte) ([]byte, error) {
			t, err := l.fetcher.Transport()
			if err != nil {
				return nil, err
			}
			return t.Decrypt(cms)
		},
		Events: l.events, Log: p.log,
	}
}

// superfluous says why this goal-state process is to end, "" if it is not: the agent was disabled, or the daemon that
// started it is gone. The supervisor, if there is one, starts a new one, which sleeps while the agent is disabled.
func (p *program) superfluous() string {
	switch {
	case p.files.Exists(p.lib("disable_agent")):
		return "the agent is disabled by " + p.lib("disable_agent")
	case !p.onMachine() || p.command.Debug:
		return ""
	case os.Getppid() == 1:
		return "the daemon is gone"
	}
	pid, err := p.files.ReadFile(p.conf.PidFile)
	if err != nil || strings.TrimSpace(string(pid)) != strconv.Itoa(os.Getppid()) {
		return "another daemon is in charge"
	}
	return ""
}

func (p *program) inspect() int { return inspect.Run(p.command.Rest, p.Stdin, p.Stdout, p.Stderr) }

// deprovision takes from the machine what makes it this one VM. Its log goes to stdout only: the file is deleted.
func (p *program) deprovision(ctx context.Context) int {
	log := slog.New(logline.New(logline.Options{Thread: p.thread(), Level: p.level, Sinks: []io.Writer{p.Stdout}}))
	d := &deprovision.Deprovisioner{
		Files: p.files, Machine: p.Machine, Family: p.family, Config: p.conf.Config, In: p.Stdin, Out: p.Stdout, Log: log,
		User: p.command.Verb == cmdline.DeprovisionUser, Force: p.command.Force, Note: cmdline.NotSafeToPublish,
		DHCPHostname: func(_ context.Context, name string) error { return p.publisher().Configure(name) },
		ResourceDisk: &deprovision.ResourceDisk{
			Traces: func(ctx context.Context) []string { return resourcedisk.Traces(ctx, p.diskOptions(log)) },
			Leave:  func(ctx context.Context) error { return resourcedisk.Leave(ctx, p.diskOptions(log)) },
		},
	}
	return d.Run(ctx)
}

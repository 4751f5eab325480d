package agent

import (
	"context"
	"log/slog"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/machine"
)

// Host is the machine this process runs on, with its files below root.
func Host(root string, log *slog.Logger) machine.Machine { return host.New(root, log) }

// daemonVersionEnv tells the goal-state process, and whatever it starts, which daemon is above it.
const daemonVersionEnv = "_AZURE_GUEST_AGENT_DAEMON_VERSION_"

// SpawnProcess starts this program again, as a process of its own, with o's Args.
func SpawnProcess(_ context.Context, o Options) (machine.Process, error) {
	return host.SpawnSelf(o.Args, []string{daemonVersionEnv + "=" + release}, o.Stdout, o.Stderr)
}

// HandlerCommandMode is the first argument by which the agent calls itself to be the parent of a handler command. A test
// binary that runs handler commands on the real machine answers it with HandlerCommandMain, before anything else.
const HandlerCommandMode = host.HandlerCommandMode

// HandlerCommandMain is the parent of one handler command; it returns the exit code.
func HandlerCommandMain(args []string) int { return host.HandlerCommandMain(args) }

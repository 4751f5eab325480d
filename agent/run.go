package agent

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/waagent-go/waagent/agent/internal/cmdline"
	"github.com/waagent-go/waagent/agent/internal/config"
	"github.com/waagent-go/waagent/agent/internal/distro"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/logline"
	"github.com/waagent-go/waagent/agent/internal/provision"
)

// program is one invocation: the command line understood, the machine known, the configuration read.
type program struct {
	Options
	command cmdline.Command
	files   host.Files
	distro  distro.Info
	family  distro.Family
	version string
	conf    *config.Loaded
	log     *slog.Logger
	level   *slog.LevelVar
}

// Run is the agent: it does what the command line asks and returns the exit code. It returns when the work is done or
// ctx is.
func Run(ctx context.Context, o Options) int {
	p := &program{Options: o, command: cmdline.Parse(o.Args), files: host.Files{Root: o.Root}, version: runningVersion()}
	p.distro = distro.Detect(p.files)
	p.family = distro.Lookup(p.distro)
	switch p.command.Verb {
	case cmdline.Internal:
		return p.internal()
	case cmdline.Inspect:
		return p.inspect()
	case cmdline.Version:
		return p.printVersion()
	case cmdline.Start:
		return p.start(ctx)
	case cmdline.Help:
		fmt.Fprint(o.Stdout, cmdline.HelpText(programName))
		return 0
	}
	if code, ok := p.configure(); !ok {
		return code
	}
	return p.configured(ctx)
}

// configured runs the commands that need the configuration.
func (p *program) configured(ctx context.Context) int {
	switch p.command.Verb {
	case cmdline.Daemon:
		return p.daemon(ctx)
	case cmdline.RunExtHandlers:
		return p.goalStateProcess(ctx)
	case cmdline.ShowConfiguration:
		return p.exit(p.conf.Dump(p.Stdout, p.command.Verbose))
	case cmdline.Deprovision, cmdline.DeprovisionUser:
		return p.deprovision(ctx)
	case cmdline.RegisterService:
		return p.registerService(ctx)
	case cmdline.SetupFirewall:
		return p.setupFirewall(ctx)
	case cmdline.SerialConsole:
		return p.serialConsole(ctx)
	case cmdline.NUMAOff, cmdline.NUMAOn:
		return p.numa(ctx)
	case cmdline.CollectLogs:
		return p.collectLogs(ctx)
	}
	return 0
}

// exit turns the outcome of a command into its exit code, and says why it failed.
func (p *program) exit(err error) int {
	if err == nil {
		return 0
	}
	p.log.Error(fmt.Sprintf("Failed to run '%s'", p.command.Verb), "error", err)
	return 1
}

// configure makes the logger and reads the configuration; on failure it answers the exit code and false.
func (p *program) configure() (int, bool) {
	p.level = new(slog.LevelVar)
	p.log = slog.New(logline.New(logline.Options{
		Thread: p.thread(), Prefix: p.prefix(), Level: p.level, Sinks: []io.Writer{p.Stdout, logline.NewFile(p.files)},
	}))
	path := p.command.ConfPath
	if path == "" {
		path = p.family.ConfFile
	} else if !p.files.Exists(path) {
		fmt.Fprintf(p.Stderr, "Error: configuration file %s does not exist\n", path)
		fmt.Fprint(p.Stdout, cmdline.HelpText(programName))
		return 1, false
	}
	conf, err := config.Load(p.files, path, p.defaults())
	if err != nil {
		return p.exit(err), false
	}
	p.conf = conf
	if p.command.Verbose || conf.Logs.Verbose {
		p.level.Set(slog.LevelDebug)
	}
	if conf.Logs.Console && p.command.Verb == cmdline.Daemon {
		p.echoToConsole()
	}
	switch p.command.Verb {
	case cmdline.ShowConfiguration: // its output is for programs too
		for _, w := range conf.Warnings {
			fmt.Fprintf(p.Stderr, "%s %s\n", path, w)
		}
	case cmdline.Daemon:
		for _, w := range conf.Warnings {
			p.log.Warn("Odd line in the configuration", "file", path, "line", w.Line, "problem", w.Text)
		}
		for _, option := range conf.Kept {
			p.log.Info("Another agent provisioned this VM: an absent option keeps that agent's value", "option", option)
		}
	}
	return 0, true
}

// defaults are the documented ones on a VM this agent provisions, and the Python agent's where that agent did.
func (p *program) defaults() config.Defaults {
	if provision.ProvisionedByAnother(p.files, config.DefaultLibDir) {
		return config.LegacyDefaults
	}
	return config.DocumentedDefaults
}

// echoToConsole lets the boot be followed on the serial console until the VM is provisioned.
func (p *program) echoToConsole() {
	marker := p.conf.LibDir + "/provisioned"
	console := logline.NewConsole(p.files, func() bool { return !p.files.Exists(marker) })
	p.log = slog.New(logline.New(logline.Options{
		Thread: p.thread(), Prefix: p.prefix(), Level: p.level,
		Sinks: []io.Writer{p.Stdout, logline.NewFile(p.files), console},
	}))
}

// thread and prefix fill the columns of the log as the original fills them.
func (p *program) thread() string {
	switch p.command.Verb {
	case cmdline.Daemon:
		return logline.Daemon
	case cmdline.RunExtHandlers:
		return logline.ExtHandler
	case cmdline.CollectLogs:
		return logline.LogCollector
	default:
		return logline.MainThread
	}
}

func (p *program) prefix() string {
	switch p.command.Verb {
	case cmdline.Daemon:
		return logline.Daemon
	case cmdline.RunExtHandlers:
		return logline.ExtHandler
	default:
		return ""
	}
}

// internal serves the hidden modes in which the agent calls itself.
func (p *program) internal() int {
	if p.command.Rest[0] == host.HandlerCommandMode {
		return host.HandlerCommandMain(p.command.Rest[1:])
	}
	fmt.Fprintf(p.Stderr, "unknown internal command %s\n", p.command.Rest[0])
	return 1
}

// programName is what the original's usage text calls itself.
var programName = filepath.Base(os.Args[0])

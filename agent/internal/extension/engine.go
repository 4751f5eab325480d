// Package extension runs VM extension handlers: it downloads and unpacks their packages, calls their commands in the
// order the contract asks for, and says how they are. It never compares sequence numbers: every goal state with a new
// id, and every start of the agent, enables every extension once more.
package extension

import (
	"context"
	"log/slog"
	"path"
	"sync"

	"github.com/waagent-go/waagent/agent/internal/artifact"
	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/policy"
	"github.com/waagent-go/waagent/agent/machine"
)

// Downloader brings manifests and packages; artifact.Downloader is the real one.
type Downloader interface {
	Manifest(ctx context.Context, uris []string) (artifact.Manifest, error)
	Package(ctx context.Context, uris []string, manifestURI, dst string, accept func(path string) error) error
}

// Machine is what handlers ask of the machine.
type Machine interface {
	RunHandler(ctx context.Context, c machine.HandlerCommand) (machine.CommandEnd, error)
	Mounts() ([]machine.Mount, error)
}

// Verifier judges the signature of a package file; signature.Verifier is the real one.
type Verifier interface {
	Verify(zip, encodedSignature string) error
}

// Options is what an Engine needs. Files, Machine, Downloader, LibDir and LogDir have no default.
type Options struct {
	Files      host.Files
	Machine    Machine
	Downloader Downloader
	LibDir     string // as the guest sees it
	LogDir     string
	ConfigFile string        // named in messages; "" is /etc/waagent.conf
	Endpoint   func() string // IP of the WireServer; nil is 168.63.129.16
	Disabled   bool          // Extensions.Enabled=n
	IgnoreHold bool          // EnableOverProvisioning=n
	Log        *slog.Logger
	Events     event.Sink

	// Policy reads the policy in force; it is asked once per goal state. nil allows everything.
	Policy func() (*policy.Policy, error)
	// Verifier judges packages; nil judges none. Its verdict is recorded, and binding where the policy asks for it
	// and MustSign says that this VM is one where that counts (a confidential one); nil says no.
	Verifier Verifier
	MustSign func() bool
	// SigningRoot is written to microsoft_root_certificate.pem at the start, for those who check signatures themselves.
	SigningRoot []byte
	// Save keeps a document of the goal state in its history; nil does not.
	Save func(name string, data []byte)
	// Failpoint is called before every state write and command; an error stands for the process dying there.
	Failpoint func(name string) error
	// MaxUnpacked bounds the sum of a package's files in bytes; 0 is 4 GiB.
	MaxUnpacked int64
}

// Engine runs the handlers of one goal state after another. Process is called by one goroutine at a time; Report may
// be called by any at any time.
type Engine struct {
	o      Options
	log    *slog.Logger
	once   sync.Once
	unsure unsure

	mu    sync.Mutex
	views []*view // what the goal state in force wants, for Report
	disk  bool    // report what lies on disk instead: there was no goal state yet, or it was refused as a whole
}

// New makes an Engine.
func New(o Options) *Engine {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Events == nil {
		o.Events = event.Discard{}
	}
	if o.ConfigFile == "" {
		o.ConfigFile = "/etc/waagent.conf"
	}
	if o.Endpoint == nil {
		o.Endpoint = func() string { return "168.63.129.16" }
	}
	if o.MaxUnpacked == 0 {
		o.MaxUnpacked = 4 << 30
	}
	return &Engine{o: o, log: o.Log, disk: true}
}

// Start prepares the handlers that are on disk for this agent: their HandlerEnvironment.json is written afresh and
// their events folders are there. Process calls it if nobody has.
func (e *Engine) Start() {
	e.once.Do(func() {
		if e.o.SigningRoot != nil {
			file := path.Join(e.o.LibDir, "microsoft_root_certificate.pem")
			if err := e.o.Files.WriteAtomic(file, e.o.SigningRoot, 0o600); err != nil {
				e.log.Warn("cannot write the signing root", "error", err.Error())
			}
		}
		e.migrate()
		for _, h := range e.onDisk("") {
			h.trimCommandLogs()
			if err := h.writeEnvironment(); err != nil {
				h.log().Warn("cannot refresh HandlerEnvironment.json", "error", err.Error())
			}
		}
		if err := e.sync(); err != nil {
			e.log.Warn("cannot bring the handlers' files to disk", "error", err.Error())
		}
	})
}

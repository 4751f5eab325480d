// Package loopback runs agent and fabric in one process, over in-memory connections: whole protocol flows without a
// guest. The machine is a folder; handler commands are real /bin/sh, every path they are told being absolute inside the
// folder, and nothing else is executed.
package loopback

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/waagent-go/waagent/agent"
	agentmachine "github.com/waagent-go/waagent/agent/machine"
	"github.com/waagent-go/waagent/scenarios/machine"
)

// Spec is one guest.
type Spec struct {
	Root string // an empty folder that becomes the machine's root
	DVD  string // image in the optical drive; "": the drive is empty
	UUID string // as the firmware shows it
	CA   []byte
	Conf map[string]string
	// Files are laid out besides, by path, in place of what a machine has there.
	Files map[string]string
	Dial  func(ctx context.Context, network, addr string) (net.Conn, error)
	Log   *slog.Logger
	// Mute throws away what the agent prints, which Console would keep.
	Mute bool
	// Options, when set, may change what the agent is given: failpoints, arguments.
	Options func(*agent.Options)
}

// Guest is an agent at work on its folder.
type Guest struct {
	root    string
	machine *pretend
	console safeBuffer
	cancel  context.CancelFunc
	done    chan struct{}
	options agent.Options
}

var _ machine.Machine = (*Guest)(nil)

// Boot lays the folder out as a machine that was just switched on and starts the agent's daemon on it.
func Boot(s Spec) (*Guest, error) {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if err := layOut(s); err != nil {
		return nil, err
	}
	g := &Guest{root: s.Root}
	g.machine = newPretend(s.Root, agent.Host(s.Root, s.Log), s.Log)
	g.options = agent.Options{
		Args: []string{"-daemon"}, Stdin: strings.NewReader(""), Stdout: &g.console, Stderr: &g.console,
		Root: s.Root, Dial: s.Dial, Machine: g.machine, Spawn: spawn,
	}
	if s.Mute {
		g.options.Stdout, g.options.Stderr = io.Discard, io.Discard
	}
	if s.Options != nil {
		s.Options(&g.options)
	}
	g.start()
	return g, nil
}

func (g *Guest) start() {
	ctx, cancel := context.WithCancel(context.Background())
	g.cancel, g.done = cancel, make(chan struct{})
	go func() {
		defer close(g.done)
		agent.Run(ctx, g.options)
	}()
}

func (g *Guest) stop(ctx context.Context) error {
	g.cancel()
	select {
	case <-g.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the agent does not stop: %w", ctx.Err())
	}
}

// Exec has nothing to run: there is no guest.
func (g *Guest) Exec(_ context.Context, c machine.Command) (machine.Result, error) {
	return machine.Result{}, fmt.Errorf("run %s: %w", strings.Join(c.Argv, " "), machine.ErrUnsupported)
}

// ReadFile reads a file of the folder.
func (g *Guest) ReadFile(_ context.Context, path string) ([]byte, error) {
	return os.ReadFile(filepath.Join(g.root, path))
}

// WriteFile writes a file of the folder, and the folders above it.
func (g *Guest) WriteFile(_ context.Context, path string, data []byte, mode fs.FileMode) error {
	name := filepath.Join(g.root, path)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, data, mode)
}

// Dial has nobody to answer.
func (g *Guest) Dial(context.Context, int) (net.Conn, error) {
	return nil, fmt.Errorf("dial: %w", machine.ErrUnsupported)
}

// Reboot stops the agent and starts it again, as a new boot would.
func (g *Guest) Reboot(ctx context.Context) error {
	if err := g.stop(ctx); err != nil {
		return err
	}
	g.start()
	return nil
}

// Console is what the agent printed.
func (g *Guest) Console() []byte { return g.console.bytes() }

// Close stops the agent.
func (g *Guest) Close(ctx context.Context) error { return g.stop(ctx) }

// spawn runs the goal-state process in this process.
func spawn(_ context.Context, o agent.Options) (agentmachine.Process, error) {
	ctx, cancel := context.WithCancel(context.Background())
	c := &child{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.code = agent.Run(ctx, o)
	}()
	return c, nil
}

// child is a goal-state process that is a goroutine.
type child struct {
	cancel context.CancelFunc
	done   chan struct{}
	code   int
}

func (c *child) Pid() int { return os.Getpid() }

func (c *child) Wait(ctx context.Context) (int, error) {
	select {
	case <-c.done:
		return c.code, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (c *child) Signal(bool) error { c.cancel(); return nil }

// layOut makes the folder look like a Debian machine.
func layOut(s Spec) error {
	files := map[string]string{
		"/etc/os-release":                     "ID=debian\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n",
		"/etc/passwd":                         "root:x:0:0:root:/root:/bin/bash\n",
		"/etc/group":                          "root:x:0:\n",
		"/etc/shadow":                         "root:*:20000:0:99999:7:::\n",
		"/etc/login.defs":                     "UID_MIN 1000\n",
		"/etc/hostname":                       "localhost\n",
		"/etc/ssh/sshd_config":                "UsePAM yes\n",
		"/etc/ssl/certs/ca-certificates.crt":  string(s.CA),
		"/proc/net/route":                     routeTable,
		"/sys/class/dmi/id/product_uuid":      s.UUID + "\n",
		"/etc/waagent.conf":                   configuration(s.Conf),
		"/var/run/.keep":                      "",
		"/var/log/.keep":                      "",
		"/home/.keep":                         "",
		"/proc/sys/kernel/random/boot_id":     "00000000-1000-4000-8000-000000000001\n",
		"/sys/class/dmi/id/chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77\n",
	}
	maps.Copy(files, s.Files)
	var errs []error
	for name, text := range files {
		path := filepath.Join(s.Root, name)
		errs = append(errs, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
	}
	errs = append(errs, os.MkdirAll(filepath.Join(s.Root, "dev"), 0o755))
	if s.DVD != "" {
		image, err := os.ReadFile(s.DVD)
		errs = append(errs, err, os.WriteFile(filepath.Join(s.Root, "dev/sr0"), image, 0o600))
	}
	return errors.Join(errs...)
}

// routeTable has the route to WireServer, so that nobody asks for one by DHCP.
const routeTable = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n" +
	"eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\n" +
	"eth0\t10813FA8\t0100000A\t0007\t0\t0\t0\tFFFFFFFF\n"

func configuration(changes map[string]string) string {
	conf := map[string]string{
		"Provisioning.Agent": "waagent", "ResourceDisk.Format": "n", "OS.EnableFirewall": "n", "Logs.Console": "n",
		"Provisioning.MonitorHostName": "n", "OS.RootDeviceScsiTimeout": "None",
	}
	for key, value := range changes {
		conf[key] = value
	}
	var b strings.Builder
	b.WriteString("# written by the loopback driver\n")
	for key, value := range conf {
		fmt.Fprintf(&b, "%s=%s\n", key, value)
	}
	return b.String()
}

// safeBuffer is what several goroutines print to.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.buf.Bytes())
}

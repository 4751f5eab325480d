// Package container boots guests as containers of real distributions, with systemd, on a network of their own where
// a fabricsim in a container beside them owns the fabric's addresses. No guest is privileged, and neither the host nor
// any other container has an address on that network, so a host that is itself an Azure VM keeps its own fabric.
package container

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"

	"github.com/waagent-go/waagent/images"
)

// Options says what a Driver is made of.
type Options struct {
	Run      string          // names the run in labels; "" makes one up
	Fabric   string          // path of a static fabricsim; "" leaves the network without a fabric
	Progress images.Progress // may be nil
	Log      *slog.Logger    // nil logs nothing
}

// Driver is one network with one fabric, and the guests on it. Several may exist at once.
type Driver struct {
	options Options
	name    string // of the network, and the first part of every container's name
	dir     string // control socket and disk images; also what says who owns them
	owner   owner
	engine  *client.Client
	network privateNetwork
	fabric  *fabric // nil without one

	mu     sync.Mutex
	guests []*Guest
}

// ErrNoEngine is wrapped when there is no container engine to talk to, or it is not on this machine.
var ErrNoEngine = errors.New("no container engine")

// Start removes what dead runs left, makes the network and starts the fabric on it.
func Start(ctx context.Context, o Options) (*Driver, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Run == "" {
		o.Run = strings.ToLower(rand.Text()[:8])
	}
	engine, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	me, err := self()
	if err != nil {
		return nil, err
	}
	if err := reap(ctx, engine, o.Log); err != nil {
		o.Log.Warn("remove what earlier runs left", "err", err)
	}
	d := &Driver{options: o, owner: me, engine: engine, name: "waagent-go-" + o.Run + "-" + strings.ToLower(rand.Text()[:4])}
	if err := d.start(ctx); err != nil {
		return nil, errors.Join(err, d.Close(context.WithoutCancel(ctx)))
	}
	return d, nil
}

func (d *Driver) start(ctx context.Context) (err error) {
	if d.dir, err = d.owner.folder(d.name); err != nil {
		return err
	}
	if d.network, err = d.makeNetwork(ctx); err != nil {
		return err
	}
	if d.options.Fabric == "" {
		return nil
	}
	d.fabric, err = d.startFabric(ctx)
	return err
}

// Available says why guests cannot be booted here, nil if they can.
func Available(ctx context.Context) error {
	engine, err := connect(ctx)
	if err != nil {
		return err
	}
	return engine.Close()
}

func connect(ctx context.Context) (*client.Client, error) {
	os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true") // its image would have to be pulled; reap does that work
	tclog.SetDefault(tclog.NewNoopLogger())
	c, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoEngine, err)
	}
	if !strings.HasPrefix(c.DaemonHost(), "unix://") {
		return nil, fmt.Errorf("%w: %s is not on this machine, whose loop devices and folders guests need", ErrNoEngine, c.DaemonHost())
	}
	if _, err := c.Ping(ctx, client.PingOptions{}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoEngine, err)
	}
	return c.Client, nil
}

// HTTP is a client that reaches the fabric's control API, at the URL that Base returns.
func (d *Driver) HTTP() *http.Client { return d.fabric.control.HTTP }

// Base is where the control API lies for HTTP.
func (d *Driver) Base() string { return d.fabric.control.Base }

// Address reserves the next free address for a guest.
func (d *Driver) Address() netip.Addr {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.network.next()
}

// Dir is a folder of this driver's own, gone after Close: the place for disk images.
func (d *Driver) Dir() string { return d.dir }

// FabricLog is what the fabric has written so far.
func (d *Driver) FabricLog(ctx context.Context) []byte {
	if d.fabric == nil {
		return nil
	}
	return logs(ctx, d.engine, d.fabric.id)
}

// Close destroys the guests, the fabric and the network.
func (d *Driver) Close(ctx context.Context) error {
	d.mu.Lock()
	guests := d.guests
	d.guests = nil
	d.mu.Unlock()
	var errs []error
	for _, g := range guests {
		errs = append(errs, g.Close(ctx))
	}
	if d.fabric != nil {
		errs = append(errs, remove(ctx, d.engine, d.fabric.id))
	}
	if d.network.id != "" {
		_, err := d.engine.NetworkRemove(ctx, d.network.id, client.NetworkRemoveOptions{})
		errs = append(errs, err)
	}
	if d.dir != "" {
		errs = append(errs, detachBelow(ctx, d.dir), os.RemoveAll(d.dir))
	}
	return errors.Join(append(errs, d.engine.Close())...)
}

// labels mark everything that is created with the run and who made it.
func (d *Driver) labels() map[string]string {
	return map[string]string{runLabel: d.options.Run, ownerLabel: d.owner.String()}
}

func (d *Driver) path(name string) string { return filepath.Join(d.dir, name) }

package netenv

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/repeat"
)

// ClientMonitor is the duty that has the routes restored at its start, and whenever the DHCP client was restarted: a
// client may leave out what it does not understand. Routes that somebody takes away in between stay away.
type ClientMonitor struct {
	Files   host.Files
	Clients []string // names of the processes, of which any may be the one in charge
	Period  time.Duration
	Restore func(ctx context.Context) error
	Log     *slog.Logger

	pids    []int
	warned  bool
	waiting bool // for a gateway
}

// Clients are the DHCP clients there are.
func Clients() []string {
	return []string{"dhclient", "dhclient3", "dhcpcd", "systemd-network", "NetworkManager", "wickedd-dhcp4", "udhcpc"}
}

// Name is the duty's.
func (c *ClientMonitor) Name() string { return "DhcpClient" }

// Run returns when ctx is done.
func (c *ClientMonitor) Run(ctx context.Context) error {
	repeat.Every(ctx, c.Period, nil, c.Log, "Cannot restore the routes", c.Check)
	return nil
}

// Check looks once. As long as all known clients live, it only asks for these; who else is there does not matter.
func (c *ClientMonitor) Check(ctx context.Context) error {
	if c.waiting {
		return c.restore(ctx)
	}
	if len(c.pids) > 0 && !slices.ContainsFunc(c.pids, func(pid int) bool { return !c.isClient(pid) }) {
		return nil
	}
	now := c.find()
	if len(now) == 0 {
		if !c.warned {
			c.Log.Info("There is no DHCP client")
			c.warned = true
		}
		return nil
	}
	before := c.pids
	c.pids, c.warned = now, false
	if len(before) == 0 { // the first look: what the client left out so far is as good as lost
		return c.restore(ctx)
	}
	c.Log.Info("The DHCP client was restarted, restoring the routes", "before", before, "now", now)
	return c.restore(ctx)
}

// restore tries again at the next look if the interface is not as far as the client. That is no complaint: a lease of
// an interface that is gone stays on the disk for good.
func (c *ClientMonitor) restore(ctx context.Context) error {
	err := c.Restore(ctx)
	waited := c.waiting
	c.waiting = errors.Is(err, ErrUnreachable)
	if !c.waiting {
		return err
	}
	if !waited {
		c.Log.Info("The gateway of the lease cannot be reached yet, its routes are tried again", "error", err.Error())
	}
	return nil
}

func (c *ClientMonitor) find() []int {
	entries, err := c.Files.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && c.isClient(pid) {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// isClient reads the name, which the kernel cuts after 15 characters.
func (c *ClientMonitor) isClient(pid int) bool {
	comm, err := c.Files.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	return err == nil && slices.ContainsFunc(c.Clients, func(name string) bool {
		return strings.TrimSpace(string(comm)) == name[:min(len(name), 15)]
	})
}

package scenarios

import (
	"context"
	"net/http"
	"net/netip"
	"sync"

	"github.com/waagent-go/waagent/images"
	"github.com/waagent-go/waagent/scenarios/machine"
	"github.com/waagent-go/waagent/scenarios/machine/container"
)

// containerSite boots containers beside a fabric in a container of its own.
type containerSite struct {
	*container.Driver
	s Surroundings

	mu     sync.Mutex
	guests []*container.Guest
}

func openContainer(ctx context.Context, s Surroundings) (Site, error) {
	d, err := container.Start(ctx, container.Options{Fabric: s.Programs.Fabric, Progress: s.Progress, Log: s.Log})
	if err != nil {
		return nil, err
	}
	return &containerSite{Driver: d, s: s}, nil
}

func (c *containerSite) Control() (*http.Client, string) { return c.HTTP(), c.Base() }

func (c *containerSite) Address() netip.Addr { return c.Driver.Address() }

func (c *containerSite) Boot(ctx context.Context, g Guest) (machine.Machine, error) {
	image, err := images.Container(ctx, g.Image, g.Variant, c.s.Progress)
	if err != nil {
		return nil, err
	}
	family, err := familyOf(g.Image)
	if err != nil {
		return nil, err
	}
	c.s.Timeline.Say("boot: container from image %s", g.Image)
	guest, err := c.Driver.Boot(ctx, container.Spec{
		Name: g.Name, Image: image, Address: g.Address, UUID: g.UUID, DVD: g.DVD, Disk: g.Disk.From, DiskMB: g.Disk.SizeMB, CA: g.CA,
		Agent: g.Agent, Family: family, Conf: g.Conf, Files: g.Files, Unreachable: g.Unreachable, Volumes: g.Volumes,
	})
	if err != nil {
		return nil, err
	}
	c.s.Timeline.Say("systemd is up")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.guests = append(c.guests, guest)
	return guest, nil
}

func (c *containerSite) Reach(ctx context.Context, reachable bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, g := range c.guests {
		if err := g.Reach(ctx, reachable); err != nil {
			return err
		}
	}
	return nil
}

func familyOf(image string) (string, error) {
	catalog, err := images.Load()
	if err != nil {
		return "", err
	}
	row, err := catalog.Image(image)
	return row.Family, err
}

package container

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"

	"github.com/waagent-go/waagent/images"
	"github.com/waagent-go/waagent/images/packaging"
)

// Spec is one guest.
type Spec struct {
	Name    string     // unique within the driver
	Image   string     // reference, see images.Container
	Address netip.Addr // from Driver.Address; zero takes the next
	MAC     string     // "" lets the engine choose
	UUID    string     // the VM's id as firmware shows it; "" leaves the guest what it sees of its host
	DVD     string     // path of the provisioning medium's image, "" for an empty drive
	Disk    string     // path of the resource disk's image; it is written to
	DiskMB  int        // with no Disk: the size of a blank one; 0 for none
	CA      []byte     // certificate (PEM) of the fabric's blob storage, put into the guest's trust store
	Agent   string     // path of the agent's binary; "" brings none in
	Family  string     // whose packaging the agent is installed with
	Conf    map[string]string
	Files   []packaging.File // put there before the guest starts, over everything else
	// Unreachable cuts the guest off from the fabric until Guest.Reach is told otherwise.
	Unreachable bool
	// Volumes puts /var/lib/waagent and /var/log on volumes, on the filesystem of the engine's host.
	Volumes bool
}

// capabilities are the engine's default ones and what systemd, an agent and its extensions need of a real machine.
var capabilities = []string{"SYS_ADMIN", "NET_ADMIN", "NET_RAW", "MKNOD", "SYS_PTRACE", "SYS_NICE", "IPC_LOCK", "LINUX_IMMUTABLE"}

// Boot starts a guest and returns once its systemd has finished starting units; the agent may well be at work by then.
func (d *Driver) Boot(ctx context.Context, s Spec) (*Guest, error) {
	g := &Guest{driver: d, address: s.Address}
	if !g.address.IsValid() {
		g.address = d.Address()
	}
	d.mu.Lock()
	d.guests = append(d.guests, g)
	d.mu.Unlock()
	if err := g.start(ctx, s); err != nil {
		return nil, errors.Join(fmt.Errorf("boot %s: %w", s.Name, err), g.Close(context.WithoutCancel(ctx)))
	}
	if err := g.settled(ctx); err != nil {
		console := tail(g.Console(), 2000)
		return nil, errors.Join(fmt.Errorf("boot %s: %w; its console ends with\n%s", s.Name, err, console), g.Close(context.WithoutCancel(ctx)))
	}
	return g, nil
}

func (g *Guest) start(ctx context.Context, s Spec) error {
	d := g.driver
	args, err := g.devices(ctx, s)
	if err != nil {
		return err
	}
	files, err := s.files()
	if err != nil {
		return err
	}
	if s.UUID == "" {
		s.UUID = "-"
	}
	mac, err := parseMAC(s.MAC)
	if err != nil {
		return err
	}
	prefix := netip.PrefixFrom(g.address, d.network.subnet.Bits()).String()
	reach := "reachable"
	if s.Unreachable {
		reach = "unreachable"
	}
	command := append([]string{"/guest-init.sh", prefix, d.network.gateway.String()}, args...)
	g.id, err = d.create(ctx, creation{
		name: d.name + "-" + s.Name, image: s.Image, entrypoint: []string{"/bin/sh"}, command: append(command, reach, s.UUID),
		address: g.address, mac: mac, terminal: true,
		files: append(files, file{path: "/guest-init.sh", mode: 0o755, data: images.GuestInit()}),
		host:  s.host(),
	})
	return err
}

// host is how the engine treats a guest. It is not privileged: of the host's devices it may use loop devices only.
func (s Spec) host() container.HostConfig {
	var mounts []mount.Mount
	if s.Volumes {
		for _, dir := range []string{"/var/lib/waagent", "/var/log"} {
			mounts = append(mounts, mount.Mount{Type: mount.TypeVolume, Target: dir})
		}
	}
	return container.HostConfig{
		Mounts:      mounts,
		CapAdd:      capabilities,
		SecurityOpt: []string{"seccomp=unconfined", "apparmor=unconfined", "label=disable"},
		Tmpfs:       map[string]string{"/run": "exec,mode=755", "/run/lock": "", "/tmp": "exec"},
		Resources:   container.Resources{DeviceCgroupRules: []string{"b 7:* rmw", "b 259:* rmw"}},
	}
}

// devices attaches the DVD and the resource disk and returns their nodes as the start script takes them.
func (g *Guest) devices(ctx context.Context, s Spec) (nodes []string, err error) {
	if s.Disk == "" && s.DiskMB > 0 {
		s.Disk = g.driver.path(s.Name + "-resource.img")
		if err := blank(s.Disk, s.DiskMB); err != nil {
			return nil, fmt.Errorf("make a resource disk: %w", err)
		}
	}
	for _, disk := range []struct {
		path     string
		readOnly bool
	}{{s.DVD, true}, {s.Disk, false}} {
		var l loop
		if disk.path != "" {
			if l, err = attach(ctx, disk.path, disk.readOnly); err != nil {
				return nil, err
			}
			g.loops = append(g.loops, l)
			if disk.readOnly {
				g.dvd = l
			}
		}
		node, err := l.node()
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
	return nodes, nil
}

// files lists what goes into the guest: the agent with its packaging, the trusted certificate, and the caller's own.
func (s Spec) files() ([]file, error) {
	var all []packaging.File
	if s.CA != nil {
		all = append(all, packaging.File{Path: "/usr/local/share/ca-certificates/fabric.crt", Mode: 0o644, Data: s.CA})
	}
	if s.Agent != "" {
		installed, err := packaging.Installation(s.Family, s.Agent, s.Conf)
		if err != nil {
			return nil, err
		}
		all = append(all, installed...)
	}
	var files []file
	for _, f := range append(all, s.Files...) {
		if !filepath.IsAbs(f.Path) {
			return nil, fmt.Errorf("%s: not an absolute path", f.Path)
		}
		files = append(files, file{path: f.Path, mode: f.Mode, data: f.Data, link: f.Link})
	}
	return files, nil
}

func parseMAC(s string) (network.HardwareAddr, error) {
	if s == "" {
		return nil, nil
	}
	mac, err := net.ParseMAC(s)
	return network.HardwareAddr(mac), err
}

// settled waits until systemd says that it has started what it was to start.
func (g *Guest) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	last := "nothing"
	for {
		r, err := g.run(ctx, "systemctl", "is-system-running", "--wait")
		state := strings.TrimSpace(string(r.Stdout))
		switch {
		case err == nil && (state == "running" || state == "degraded"):
			return nil
		case err != nil:
			last = err.Error()
		default:
			last = state + string(r.Stderr)
		}
		if !pause(ctx, 50*time.Millisecond) {
			return fmt.Errorf("systemd is not up, it said last: %s: %w", last, context.Cause(ctx))
		}
	}
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

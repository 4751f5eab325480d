package qemu

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
)

// Ejected tells whether the guest has opened the tray of its optical drive.
func (g *Guest) Ejected(ctx context.Context) (bool, error) {
	reply, err := g.qmp.do(ctx, "query-block", nil)
	if err != nil {
		return false, err
	}
	var drives []struct {
		Device   string `json:"device"`
		QDev     string `json:"qdev"`
		TrayOpen bool   `json:"tray_open"`
	}
	if err := json.Unmarshal(reply, &drives); err != nil {
		return false, fmt.Errorf("look at the drive of %s: %w", g.name, err)
	}
	for _, d := range drives {
		if d.QDev == "cd" || d.Device == "dvd" {
			return d.TrayOpen, nil
		}
	}
	return false, fmt.Errorf("look at the drive of %s: it has none", g.name)
}

// Insert puts an image into the optical drive, whatever is in it.
func (g *Guest) Insert(ctx context.Context, image string) error {
	_, err := g.qmp.do(ctx, "blockdev-change-medium", map[string]any{"id": "cd", "filename": image, "format": "raw", "force": true})
	return err
}

// SetLink plugs the cable of a NIC in or out.
func (g *Guest) SetLink(ctx context.Context, nic int, up bool) error {
	_, err := g.qmp.do(ctx, "set_link", map[string]any{"name": "nic" + strconv.Itoa(nic), "up": up})
	return err
}

// AddNIC gives a running guest another interface, as the fabric does with a pre-provisioned VM, and tells its address.
// There is room for Spec.HotNICs.
func (g *Guest) AddNIC(ctx context.Context, mac net.HardwareAddr, ip netip.Addr) (NIC, error) {
	i := len(g.ports)
	if mac == nil {
		mac = randomMAC()
	}
	port, err := g.network.Attach(filepath.Join(g.dir, fmt.Sprintf("nic%d.sock", i)), mac, ip)
	if err != nil {
		return NIC{}, err
	}
	g.ports = append(g.ports, port)
	nic := NIC{MAC: port.MAC, IP: port.IP}
	g.mu.Lock()
	g.spec.NICs = append(g.spec.NICs, nic)
	g.mu.Unlock()
	netdev := "net" + strconv.Itoa(i)
	_, err = g.qmp.do(ctx, "netdev_add", map[string]any{
		"type": "stream", "id": netdev, "server": false, "addr": map[string]any{"type": "unix", "path": port.Socket},
	})
	if err == nil {
		_, err = g.qmp.do(ctx, "device_add", map[string]any{
			"driver": "virtio-net-pci", "id": "nic" + strconv.Itoa(i), "netdev": netdev, "mac": mac.String(), "bus": hotPort(i),
		})
	}
	return nic, err
}

// RemoveNIC takes an interface away from a running guest.
func (g *Guest) RemoveNIC(ctx context.Context, nic int) error {
	_, err := g.qmp.do(ctx, "device_del", map[string]any{"id": "nic" + strconv.Itoa(nic)})
	if err == nil {
		g.mu.Lock()
		g.spec.NICs[nic].gone = true
		g.mu.Unlock()
	}
	return err
}

// Redeploy moves the VM to another host: it is powered off and comes back with an empty resource disk.
func (g *Guest) Redeploy(ctx context.Context) error {
	if err := g.PowerOff(ctx); err != nil {
		return fmt.Errorf("redeploy: %w", err)
	}
	if r := g.spec.ResourceDisk; r != nil {
		if err := makeResourceDisk(ctx, g.dir, ResourceDisk{Size: r.Size}); err != nil {
			return fmt.Errorf("redeploy %s: %w", g.name, err)
		}
	}
	return g.PowerOn(ctx)
}

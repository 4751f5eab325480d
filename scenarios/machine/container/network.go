package container

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// privateNetwork is the private network of one driver. Its gateway is the fabric, which answers for the fabric's addresses too.
type privateNetwork struct {
	id      string
	subnet  netip.Prefix
	gateway netip.Addr
	last    netip.Addr // handed out
}

// makeNetwork takes the first of 250 subnets that no other network of the engine has.
func (d *Driver) makeNetwork(ctx context.Context) (privateNetwork, error) {
	var err error
	for i := range 250 {
		third := byte((os.Getpid() + i) % 250)
		n := privateNetwork{subnet: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 177, third, 0}), 24)}
		n.gateway = n.subnet.Addr().Next()
		n.last = n.gateway
		n.id, err = d.createNetwork(ctx, n)
		if err == nil {
			return n, nil
		}
		if !strings.Contains(err.Error(), "overlap") {
			break
		}
	}
	return privateNetwork{}, fmt.Errorf("make a network for guests: %w", err)
}

func (d *Driver) createNetwork(ctx context.Context, n privateNetwork) (string, error) {
	made, err := d.engine.NetworkCreate(ctx, d.name, client.NetworkCreateOptions{
		Driver: "bridge",
		IPAM:   &network.IPAM{Config: []network.IPAMConfig{{Subnet: n.subnet, Gateway: n.gateway}}},
		Options: map[string]string{
			// Otherwise the host gets the gateway's address and a route.
			"com.docker.network.bridge.inhibit_ipv4":         "true",
			"com.docker.network.bridge.enable_ip_masquerade": "false",
		},
		Labels: d.labels(),
	})
	return made.ID, err
}

func (n *privateNetwork) next() netip.Addr {
	n.last = n.last.Next()
	return n.last
}

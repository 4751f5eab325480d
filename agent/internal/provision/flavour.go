package provision

import (
	"context"
	"slices"
	"strings"

	"github.com/waagent-go/waagent/agent/machine"
)

// Flavour is who makes this machine what its customer asked for.
type Flavour string

// The flavours.
const (
	FlavourAgent     Flavour = "waagent"
	FlavourCloudInit Flavour = "cloud-init"
	FlavourNone      Flavour = "disabled"
)

// Flavour decides by Provisioning.Agent and by whether cloud-init is enabled. With Provisioning.Enabled=n this agent
// makes nothing: cloud-init is followed where it is enabled, otherwise nobody provisions.
func (p *Provisioner) Flavour(ctx context.Context) Flavour {
	conf := p.Config.Provisioning
	switch {
	case !conf.Enabled && p.cloudInitEnabled(ctx):
		return FlavourCloudInit
	case !conf.Enabled, conf.Agent == "disabled":
		return FlavourNone
	case conf.Agent == "cloud-init":
		return FlavourCloudInit
	case conf.Agent == "waagent":
		return FlavourAgent
	case p.cloudInitEnabled(ctx):
		return FlavourCloudInit
	}
	return FlavourAgent
}

// cloudInitEnabled asks as the original does: the first stage's unit is enabled, with just that word, or the service
// answers to the old way. Before that it asks what cloud-init itself asks first, and the original does not, which then
// waits half an hour for a cloud-init that was switched off.
func (p *Provisioner) cloudInitEnabled(ctx context.Context) bool {
	if p.cloudInitSwitchedOff() {
		return false
	}
	res, err := p.Machine.Run(ctx, machine.Command{Argv: []string{"systemctl", "is-enabled", "cloud-init-local.service"}})
	if err == nil && strings.ReplaceAll(string(res.Stdout), "\n", "") == "enabled" {
		return true
	}
	_, err = p.Machine.Run(ctx, machine.Command{Argv: []string{"service", "cloud-init", "status"}})
	return err == nil
}

// cloudInitSwitchedOff: the kernel's command line says so, or a file does and the command line does not contradict.
func (p *Provisioner) cloudInitSwitchedOff() bool {
	line, _ := p.Files.ReadFile("/proc/cmdline")
	words := strings.Fields(string(line))
	if slices.Contains(words, "cloud-init=disabled") {
		return true
	}
	return p.Files.Exists("/etc/cloud/cloud-init.disabled") && !slices.Contains(words, "cloud-init=enabled")
}

package provision

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/machine"
)

// DisableFile in Lib.Dir puts the agent to sleep.
const DisableFile = "disable_agent"

// eject opens the drive, now that its content will not be needed again. A virtual disk has no tray.
func (p *Provisioner) eject(device string) {
	if device == "" || strings.HasPrefix(device, "/dev/vd") {
		return
	}
	err := p.Machine.Eject(device)
	if errors.Is(err, errors.ErrUnsupported) {
		p.Log.Info("The provisioning media is in no drive that could be opened", "device", device)
		return
	}
	if err != nil {
		p.Log.Warn("The provisioning media stays in its drive", "device", device, "error", err)
		return
	}
	p.Log.Info("Ejected the provisioning media", "device", device)
}

// noteGuestAgent does as ProvisionGuestAgent says: false puts the agent to sleep after provisioning.
func (p *Provisioner) noteGuestAgent(wanted bool) error {
	p.Events.Add(event.Event{Operation: "ProvisionGuestAgent", Success: true, Message: strconv.FormatBool(wanted)})
	if wanted {
		return nil
	}
	p.Log.Warn("Disabling guest agent in accordance with ovf-env.xml")
	if p.Files.Exists(p.lib(DisableFile)) {
		return nil
	}
	return p.Files.WriteAtomic(p.lib(DisableFile), nil, 0o644)
}

// proxyAgentWait is how long the proxy agent is given to be in force, in the words of its own command line.
const proxyAgentWait = "120"

// proxyAgent waits for the guest proxy agent, as cloud-init does: until it guards the way to the fabric. It may be missing,
// for an extension can bring it later.
func (b *firstBoot) proxyAgent(ctx context.Context) error {
	_, err := b.Machine.Run(ctx, machine.Command{
		Argv: []string{"azure-proxy-agent", "--status", "--wait", proxyAgentWait}, Timeout: 3 * time.Minute,
	})
	if errors.Is(err, exec.ErrNotFound) {
		const text = "azure-proxy-agent not found: the platform asked for the guest proxy agent, and it is not installed"
		b.Log.Warn(text)
		b.Events.Add(event.Event{Operation: "Provision", Message: text})
		return nil
	}
	if err != nil {
		return fmt.Errorf("azure-proxy-agent status failure: %w", err)
	}
	return nil
}

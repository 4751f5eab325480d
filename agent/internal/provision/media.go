package provision

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/fabric"
	"github.com/waagent-go/waagent/agent/protocol/ovfenv"
)

// mediaPauses are the waits between the looks at all drives: as long in all as the original's five mounts.
func mediaPauses() []time.Duration {
	return []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 10 * time.Second}
}

// disc is a provisioning document and where it was found.
type disc struct {
	device     string
	filesystem string // as the kernel names what it mounted
	reader     string // "kernel", or "agent" where the kernel could not
	document   []byte
}

// errNoDocument is a medium that is not the provisioning media.
var errNoDocument = errors.New("it holds no " + ovfenv.FileName)

// findMedia looks into every optical drive until one holds the document, and looks again for a while: a drive may show
// up late.
func (p *Provisioner) findMedia(ctx context.Context) (disc, error) {
	d, err := p.lookOnce(ctx)
	for _, wait := range mediaPauses() {
		if err == nil || ctx.Err() != nil {
			break
		}
		p.Log.Info("The provisioning media is not there yet", "reason", err, "again", wait)
		if fabric.Sleep(ctx, wait) != nil {
			break
		}
		d, err = p.lookOnce(ctx)
	}
	if ctx.Err() != nil {
		return disc{}, ctx.Err()
	}
	return d, err
}

func (p *Provisioner) lookOnce(ctx context.Context) (disc, error) {
	drives := p.drives()
	if len(drives) == 0 {
		return disc{}, errors.New("find the provisioning media: there is no optical drive")
	}
	var reasons []string
	for _, device := range drives {
		d, err := p.readDrive(ctx, device)
		if err == nil {
			return d, nil
		}
		p.Log.Debug("A drive is not the provisioning media", "device", device, "reason", err)
		reasons = append(reasons, fmt.Sprintf("%s: %v", device, err))
	}
	return disc{}, fmt.Errorf("find the provisioning media: %s", strings.Join(reasons, "; "))
}

// drives lists the devices that may be optical drives, likeliest first, each once whatever links lead to it.
func (p *Provisioner) drives() []string {
	kinds := []*regexp.Regexp{
		regexp.MustCompile(`^sr[0-9]+$`), regexp.MustCompile(`^cdrom[0-9]*$`), regexp.MustCompile(`^hd[c-z]$`),
		regexp.MustCompile(`^cd[0-9]+$`), regexp.MustCompile(`^vd[b-z]$`),
	}
	entries, err := p.Files.ReadDir("/dev")
	if err != nil {
		return nil
	}
	var found, seen []string
	for _, kind := range kinds {
		for _, e := range entries {
			device := "/dev/" + e.Name()
			real, err := p.Files.Follow(device)
			if !kind.MatchString(e.Name()) || err != nil || slices.Contains(seen, real) {
				continue
			}
			seen = append(seen, real)
			found = append(found, device)
		}
	}
	return found
}

package netenv

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path"
	"time"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/repeat"
)

// persistentRules give an interface's name to the card that had it first. After a redeploy the card is another one,
// and the machine would come up with eth1.
var persistentRules = []string{"/lib/udev/rules.d/75-persistent-net-generator.rules", "/etc/udev/rules.d/70-persistent-net.rules"}

// PersistentRules is the duty that moves udev's rules for persistent names out of the way, into the agent's folder.
type PersistentRules struct {
	Files  host.Files
	LibDir string
	Period time.Duration
	Log    *slog.Logger
}

// Name is the duty's.
func (p *PersistentRules) Name() string { return "PersistentNetRules" }

// Run returns when ctx is done.
func (p *PersistentRules) Run(ctx context.Context) error {
	repeat.Every(ctx, p.Period, nil, p.Log, "Cannot remove persistent network rules", p.Check)
	return nil
}

// Check moves what is there. A copy that an earlier turn moved is replaced.
func (p *PersistentRules) Check(context.Context) error {
	var errs []error
	for _, name := range persistentRules {
		info, err := p.Files.Lstat(name)
		if err != nil || !info.Mode().IsRegular() {
			continue // a link to /dev/null is how rules are switched off
		}
		to := path.Join(p.LibDir, path.Base(name))
		p.Log.Warn("Moving network rules that tie names to a card", "from", name, "to", to)
		errs = append(errs, p.move(name, to, info.Mode()))
	}
	return errors.Join(errs...)
}

// move copes with folders on two filesystems.
func (p *PersistentRules) move(from, to string, mode os.FileMode) error {
	if err := p.Files.Remove(to); err != nil {
		return err
	}
	if p.Files.Rename(from, to) == nil {
		return nil
	}
	text, err := p.Files.ReadFile(from)
	if err != nil {
		return err
	}
	if err := p.Files.WriteAtomic(to, text, mode.Perm()); err != nil {
		return err
	}
	return p.Files.Remove(from)
}

package scenarios

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/google/uuid"
)

var otherName = regexp.MustCompile(`^[a-z][a-z0-9]*$`)

// other is a further guest of the same fabric, which verbs mean when they begin with `-on NAME`. It has the script's
// provisioning spec and the runner's keys; its discs and disks are its own.
func (w *world) other(ctx context.Context, name string) (*world, error) {
	if o := w.others[name]; o != nil {
		return o, nil
	}
	if !otherName.MatchString(name) || name == w.id {
		return nil, fmt.Errorf("-on %s: a guest's name is small letters and digits, and not %s", name, w.id)
	}
	if err := w.start(ctx); err != nil {
		return nil, err
	}
	s := w.s
	s.Dir = filepath.Join(w.s.Dir, name)
	if err := os.Mkdir(s.Dir, 0o755); err != nil {
		return nil, err
	}
	if w.identities == nil {
		w.identities = map[string]*identity{}
	}
	o := &world{
		t: w.t, pair: w.pair, s: s, open: w.open, dir: w.dir, timeline: w.timeline, name: name, site: w.site, fabric: w.fabric,
		id: name, uuid: uuid.NewString(), key: w.key, identities: w.identities, clientErrorsOK: true,
	}
	if w.others == nil {
		w.others = map[string]*world{}
	}
	w.others[name] = o
	return o, nil
}

// say adds a line to the timeline, with the name of another guest in front.
func (w *world) say(format string, args ...any) {
	if w.name != "" {
		format, args = "%s: "+format, append([]any{w.name}, args...)
	}
	w.timeline.Say(format, args...)
}

// variable is what the script calls something of this guest: another one's name comes last.
func (w *world) variable(of string) string {
	if w.name != "" {
		return of + "_" + w.name
	}
	return of
}

// eachOther does something with each of the other guests, in a stable order.
func (w *world) eachOther(do func(o *world) error) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(w.others)) {
		if err := do(w.others[name]); err != nil {
			errs = append(errs, fmt.Errorf("on %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

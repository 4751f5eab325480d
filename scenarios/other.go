package scenarios

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
)

// other is a further guest in the same fabric, which verbs mean when they begin with `-on NAME`. Its provisioning spec
// is the script's, its keys are the runner's.
func (w *world) other(name string) *world {
	if o := w.others[name]; o != nil {
		o.share(w)
		return o
	}
	o := &world{
		t: w.t, pair: w.pair, s: w.s, open: w.open, dir: w.dir, timeline: w.timeline,
		id: name, uuid: uuid.NewString(), key: w.key, clientErrorsOK: true,
	}
	o.share(w)
	if w.others == nil {
		w.others = map[string]*world{}
	}
	w.others[name] = o
	return o
}

// share gives the other guest what its script has made since.
func (w *world) share(with *world) {
	if w.identities == nil {
		w.identities = with.identities
	}
	w.site, w.fabric = with.site, with.fabric
}

// judgeOthers holds what the other guests logged against what was announced on them.
func (w *world) judgeOthers(ctx context.Context) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(w.others)) {
		if err := w.others[name].judgeLog(ctx); err != nil {
			errs = append(errs, fmt.Errorf("on %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

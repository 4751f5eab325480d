package extension

import (
	"cmp"
	"slices"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
)

// item is one thing to do: an extension, or a handler without settings.
type item struct {
	e       *Engine
	wanted  goalstate.Handler
	ext     *goalstate.Settings
	key     int // place in the order
	view    *view
	h       aHandler // the chosen version
	source  source
	journal *journal

	mustSign      bool   // the policy asks for a valid signature
	uninstallExit string // of the old version, "" without an update
}

func (it *item) extensionName() string {
	if it.ext == nil {
		return ""
	}
	return it.ext.Name
}

// removes says that the item takes something away.
func (it *item) removes() bool {
	return it.wanted.State != goalstate.Enabled ||
		it.wanted.MultiConfig && it.ext != nil && it.ext.State == goalstate.Disabled
}

// fullName names the extension in messages.
func (it *item) fullName() string {
	if name := it.extensionName(); name != "" {
		return it.wanted.Name + "." + name
	}
	return it.wanted.Name
}

// order lists what there is to do for a goal state: removals first, deepest dependency first, then the rest by level.
func (e *Engine) order(w goalstate.Wanted) []*item {
	var items []*item
	for _, h := range w.Handlers {
		if len(h.Settings) == 0 {
			items = append(items, &item{e: e, wanted: h})
		}
		for _, s := range h.Settings {
			items = append(items, &item{e: e, wanted: h, ext: &s})
		}
	}
	for _, it := range items {
		if it.ext != nil {
			it.key = it.ext.DependencyLevel
		}
		if it.removes() {
			it.key = -it.key - 1
		}
	}
	slices.SortStableFunc(items, func(a, b *item) int { return cmp.Compare(a.key, b.key) })
	return items
}

package goalstate

// choose decides which extensions goal state is in force after a new incarnation: the later of the two; on a tie the
// Fabric one. An incarnation without an ExtensionsConfig wants nothing, unless Fast Track wants something.
func (f *Fetcher) choose(fabric Wanted, present bool, changed *Wanted) {
	newest := f.fast.newest
	if newest != nil && (!present || newest.Created.After(fabric.Created)) {
		if changed != nil || !f.have || f.current.ID != newest.ID {
			f.adopt(*newest)
		}
		return
	}
	if !present {
		f.Log.Warn("The goal state has no ExtensionsConfig: no extensions are wanted", "incarnation", fabric.Incarnation)
		f.put(fabric)
		return
	}
	fabric.Outdated = fabric.Created.Before(f.fast.last)
	f.adopt(fabric)
}

// adopt puts w in force unless it is older than what is: the fabric's two ways are not in step, and a document that was
// overtaken must not undo a later one.
func (f *Fetcher) adopt(w Wanted) {
	if f.have && w.Created.Before(f.current.Created) && f.current.ID != w.ID {
		f.Log.Warn("Ignoring a goal state that is older than the one in force",
			"id", w.ID, "created", w.CreatedText(), "in_force", f.current.ID, "in_force_created", f.current.CreatedText())
		return
	}
	f.put(w)
}

func (f *Fetcher) put(w Wanted) {
	if w.Outdated {
		f.Log.Warn("The goal state is older than the last Fast Track one and is not executed", "id", w.ID, "created", w.CreatedText())
	}
	f.current, f.have = w, true
	f.fast.inForce(f, w)
}

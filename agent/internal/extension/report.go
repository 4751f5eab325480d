package extension

import (
	"path"
	"strconv"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/status"
)

// Report is how every handler of the goal state in force is, now, one entry for each extension. Before the first goal
// state, and when one was refused as a whole, it is how the handlers on disk are. It reads files and changes none.
func (e *Engine) Report() []status.Handler {
	e.mu.Lock()
	disk := e.disk
	views := make([]view, 0, len(e.views))
	for _, v := range e.views {
		views = append(views, *v)
	}
	e.mu.Unlock()
	if disk {
		return e.reportDisk()
	}
	list := []status.Handler{}
	bare := map[string]status.Handler{} // multi-config handlers whose extensions are all disabled
	var order []string
	reported := map[string]bool{}
	for _, v := range views {
		entry, ok := e.entry(v)
		if !ok {
			continue
		}
		if v.wanted.MultiConfig && v.skipped() {
			entry.Extension = nil
			bare[v.wanted.Name] = entry
			order = append(order, v.wanted.Name)
			continue
		}
		reported[v.wanted.Name] = true
		list = append(list, entry)
	}
	for _, name := range order {
		if !reported[name] {
			reported[name] = true
			list = append(list, bare[name])
		}
	}
	return list
}

// skipped says that an extension is disabled here and in the goal state.
func (v view) skipped() bool {
	return v.phase == done && v.ext != nil && v.ext.State == goalstate.Disabled && v.h.version != nil &&
		!v.h.extensionEnabled(v.ext.Name)
}

func (e *Engine) entry(v view) (status.Handler, bool) {
	switch {
	case v.problem != nil:
		return status.Handler{Name: v.wanted.Name, Version: v.wanted.Version, Status: status.NotReady,
			Code: v.problem.code, Message: v.problem.Error()}, true
	case v.phase != done:
		return e.underWay(v)
	case v.h.version == nil:
		return status.Handler{}, false
	}
	s := v.h.readStatus()
	if s == nil {
		return status.Handler{}, false
	}
	entry := v.h.entry(*s, v.disallowed)
	if v.ext == nil || v.h.state() == notInstalled && !v.wanted.MultiConfig && !v.disallowed {
		return entry, true
	}
	x, _ := v.h.extensionStatus(*v.ext)
	entry.Extension = &x
	return entry, true
}

// underWay is an item that is not done: whatever lies in its folders is about an earlier goal state, until its enable
// has started. A failure of that time is not shown as one of now.
func (e *Engine) underWay(v view) (status.Handler, bool) {
	h := v.h
	if h.version == nil {
		old, ok := e.installedVersion(v.wanted.Name)
		n, err := parseVersion(v.wanted.Version)
		switch {
		case ok && (v.removes || old.version.compare(n) == 0):
			h = old
		case err == nil:
			h = aHandler{e, v.wanted.Name, n}
		default:
			return status.Handler{}, false
		}
	}
	entry := status.Handler{
		Name: v.wanted.Name, Version: h.version.String(), Status: status.NotReady, Message: "The handler is being processed",
	}
	s := h.readStatus()
	if s == nil && v.removes {
		return status.Handler{}, false
	}
	if s != nil && s.Status == status.Ready {
		entry = h.entry(*s, false)
	}
	if v.ext == nil {
		return entry, true
	}
	x := h.placeholder(*v.ext, "Extension "+h.displayName(*v.ext)+" is being processed")
	if v.phase == enabling {
		x, _ = h.extensionStatus(*v.ext)
	}
	entry.Extension = &x
	return entry, true
}

// entry is the handler's own part of the report.
func (h aHandler) entry(s handlerStatus, disallowed bool) status.Handler {
	entry := status.Handler{
		Name: h.name, Version: h.version.String(), Status: s.Status, Code: s.Code, Message: text(s.Message),
	}
	return h.heartbeat(entry, disallowed)
}

// reportDisk reports every handler that has a folder; what its extensions are is read from its settings' names.
func (e *Engine) reportDisk() []status.Handler {
	list := []status.Handler{}
	for _, h := range e.onDisk("") {
		s := h.readStatus()
		if s == nil {
			continue
		}
		entry := h.entry(*s, false)
		extensions := h.extensionsOnDisk()
		if len(extensions) == 0 || h.state() == notInstalled {
			list = append(list, entry)
			continue
		}
		for _, ext := range extensions {
			if ext.Name != "" && !h.extensionEnabled(ext.Name) {
				continue
			}
			x, _ := h.extensionStatus(ext)
			one := entry
			one.Extension = &x
			list = append(list, one)
		}
	}
	return list
}

// extensionsOnDisk are the extensions that have a settings file, each with its highest sequence number.
func (h aHandler) extensionsOnDisk() []goalstate.Settings {
	newest := map[string]int{}
	var names []string
	for _, file := range h.e.o.Files.Glob(path.Join(h.config(), "*.settings")) {
		stem := strings.TrimSuffix(path.Base(file), ".settings")
		name, digits := "", stem
		if i := strings.LastIndexByte(stem, '.'); i > 0 {
			name, digits = stem[:i], stem[i+1:]
		}
		seq, err := strconv.Atoi(digits)
		if info, serr := h.e.o.Files.Stat(file); err != nil || serr != nil || info.Size() == 0 {
			continue
		}
		if _, there := newest[name]; !there {
			names = append(names, name)
		}
		newest[name] = max(newest[name], seq)
	}
	var list []goalstate.Settings
	for _, name := range names {
		list = append(list, goalstate.Settings{Name: name, Seq: newest[name], State: goalstate.Enabled})
	}
	return list
}

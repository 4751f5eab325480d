package extension

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/status"
	"github.com/waagent-go/waagent/agent/protocol/handler"
)

// enable brings one extension to its wanted version and enables it.
func (it *item) enable(ctx context.Context) error {
	h, j := it.h, it.journal
	if s := h.state(); s == notInstalled || s == failedUpgrade {
		if err := it.install(ctx); err != nil {
			return err
		}
	} else {
		if err := it.checkValidated(); err != nil {
			return err
		}
		if err := h.checkMultiConfig(it.wanted); err != nil {
			return err
		}
		if err := h.writeSettings(it.ext); err != nil {
			return err
		}
	}
	it.setPhase(enabling)
	_, err := j.run(ctx, call{op: opEnable, h: h, ext: it.ext, env: []string{uninstallCode(it.uninstallExit)}})
	if err != nil {
		return it.enableFailed(ctx, err)
	}
	return h.enabled(it.extensionName())
}

// enableFailed turns a failed enable of a named extension into its own kind of error: the handler's status is not
// touched by it.
func (it *item) enableFailed(ctx context.Context, err error) error {
	if stopped(ctx, err) || !it.wanted.MultiConfig {
		return err
	}
	return fail(classMultiEnable, status.CodeUnknown, err)
}

func uninstallCode(exit string) string {
	if exit == "" {
		exit = notRun
	}
	return "AZURE_GUEST_AGENT_UNINSTALL_CMD_EXIT_CODE=" + exit
}

// enabled records a successful enable; disabled a successful disable.
func (h aHandler) enabled(extension string) error {
	multi := extension != ""
	if multi {
		if err := h.setExtensionEnabled(extension, true); err != nil {
			return err
		}
	}
	if err := h.setState(enabled); err != nil {
		return err
	}
	return h.setStatus(status.Ready, status.CodeSuccess, "Plugin enabled", multi)
}

func (h aHandler) disabled(extension string) error {
	multi := extension != ""
	if multi {
		if err := h.setExtensionEnabled(extension, false); err != nil {
			return err
		}
		if len(h.enabledExtensions()) > 0 {
			return nil
		}
	}
	if err := h.setState(installed); err != nil {
		return err
	}
	return h.setStatus(status.NotReady, status.CodeSuccess, "Plugin disabled", multi)
}

// install sets a version up and installs it, in place of the one that is installed, if any.
func (it *item) install(ctx context.Context) error {
	h, j := it.h, it.journal
	fresh := !j.Setup || !h.e.o.Files.Exists(h.base()+"/"+handler.ManifestFile)
	if fresh {
		if old, ok := h.e.installedVersion(h.name); ok && j.From == "" {
			j.From = old.version.String()
		}
		if err := h.setup(ctx, it.source, it.wanted); err != nil {
			return err
		}
	}
	if err := h.writeSettings(it.ext); err != nil { // an earlier agent's may be of another goal state
		return err
	}
	if fresh {
		if err := h.e.syncFolder(h.base()); err != nil {
			return err
		}
		j.Setup = true
		if err := j.save(); err != nil {
			return err
		}
	}
	m, err := h.manifest()
	if err != nil {
		return err
	}
	if j.From != "" {
		if err := it.update(ctx, m); err != nil {
			return err
		}
		if !updatesWithInstall(m) {
			return h.setState(installed)
		}
	}
	if _, err := j.run(ctx, call{op: opInstall, h: h, ext: it.ext, env: []string{uninstallCode(it.uninstallExit)}}); err != nil {
		return err
	}
	if err := h.setState(installed); err != nil {
		return err
	}
	return h.setStatus(status.NotReady, status.CodeSuccess, "Plugin installed but not enabled", it.wanted.MultiConfig)
}

// update moves from the version that j.From names: the old one is disabled, the new one's update is called (on a
// downgrade the old one's), the old one is uninstalled and removed. Each step is taken once, however often the agent
// dies in between.
func (it *item) update(ctx context.Context, m handler.Manifest) error {
	v, err := parseVersion(it.journal.From)
	if err != nil {
		return err
	}
	old, h := aHandler{it.h.e, it.h.name, v}, it.h
	goOn := bool(m.Handler.ContinueOnUpdateFailure)
	exits, err := it.disableOld(ctx, old, goOn)
	if err != nil {
		return err
	}
	if err := h.carryOver(old); err != nil {
		return err
	}
	if err := it.callUpdate(ctx, old, exits); err != nil {
		return err
	}
	it.uninstallExit, err = it.journal.run(ctx, call{op: opUninstall, h: old, ext: it.ext})
	if err := it.oldFailed(ctx, old, opUninstall, err, goOn); err != nil {
		return err
	}
	if err := old.e.sync(); err != nil { // of what was carried over there is no other copy then
		return err
	}
	return old.remove()
}

// oldFailed decides what a failure of the old version's command means for the update.
func (it *item) oldFailed(ctx context.Context, old aHandler, op operation, err error, goOn bool) error {
	if err == nil || stopped(ctx, err) {
		return err
	}
	old.event(op.event, false, err.Error())
	if goOn {
		old.log().Info("The update goes on, as the new package asks", "command", op.name, "error", err.Error())
		return nil
	}
	f := fail(classUpdate, status.CodeUpdate, fmt.Errorf("%w; ContinueOnUpdate: False", err))
	f.reported = true
	return f
}

// disableOld disables the old version, each enabled extension of it once, and returns the exit codes by extension.
func (it *item) disableOld(ctx context.Context, old aHandler, goOn bool) (map[string]string, error) {
	exits := map[string]string{}
	for _, ext := range it.toDisable(old) {
		name := ""
		if ext != nil {
			name = ext.Name
		}
		exit, err := it.journal.run(ctx, call{op: opDisable, h: old, ext: ext})
		if err == nil && old.e.o.Files.Exists(old.base()) {
			err = old.disabled(name)
		}
		if err := it.oldFailed(ctx, old, opDisable, err, goOn); err != nil {
			return nil, err
		}
		exits[name] = exit
	}
	return exits, nil
}

// toDisable are the extensions of a version that are enabled, or whose disable is on record in this move; nil in the
// list stands for the handler itself.
func (it *item) toDisable(old aHandler) []*goalstate.Settings {
	if !it.wanted.MultiConfig {
		if old.state() == enabled || it.journal.has(opDisable, old, "") {
			return []*goalstate.Settings{old.settingsOf(it.ext)}
		}
		return nil
	}
	var list []*goalstate.Settings
	seen := map[string]bool{}
	for _, s := range it.wanted.Settings {
		if old.extensionEnabled(s.Name) || it.journal.has(opDisable, old, s.Name) {
			list = append(list, &s)
		}
		seen[s.Name] = true
	}
	for _, name := range old.enabledExtensions() { // enabled once, and not in this goal state any more
		if !seen[name] {
			list = append(list, &goalstate.Settings{Name: name, Seq: old.newestSeq(name)})
		}
	}
	return list
}

// callUpdate calls the update command: the newer one of the two versions knows how to move between them.
func (it *item) callUpdate(ctx context.Context, old aHandler, exits map[string]string) error {
	runs := it.h
	if old.version.compare(it.h.version) > 0 {
		runs = old
	}
	env := []string{
		"VERSION=" + it.h.version.String(),
		"AZURE_GUEST_AGENT_UPDATING_FROM_VERSION=" + old.version.String(),
	}
	codes, err := it.disableCodes(exits)
	if err != nil {
		return err
	}
	_, err = it.journal.run(ctx, call{op: opUpdate, h: runs, ext: it.ext, env: append(env, codes)})
	if err == nil || stopped(ctx, err) {
		return err
	}
	if runs.e.o.Files.Exists(runs.base()) {
		err = errors.Join(err, runs.setState(failedUpgrade))
	}
	return err
}

// disableCodes tells an update how the old version's disable went.
func (it *item) disableCodes(exits map[string]string) (string, error) {
	const none = "None" // what packages in the field are told when there was no disable
	code := func(name string) string {
		if exit, ok := exits[name]; ok {
			return exit
		}
		return none
	}
	if !it.wanted.MultiConfig {
		return "AZURE_GUEST_AGENT_DISABLE_CMD_EXIT_CODE=" + code(""), nil
	}
	type entry struct {
		Name string `json:"extensionName"`
		Exit string `json:"exitCode"`
	}
	list := []entry{}
	for _, s := range it.wanted.Settings {
		list = append(list, entry{s.Name, code(s.Name)})
	}
	data, err := spaced(list)
	return "AZURE_GUEST_AGENT_DISABLE_CMD_EXIT_CODES_MULTIPLE_EXTENSIONS=" + string(data), err
}

func updatesWithInstall(m handler.Manifest) bool {
	return m.Handler.UpdateMode == "" || strings.EqualFold(m.Handler.UpdateMode, "UpdateWithInstall")
}

// disable disables one extension whose handler stays.
func (it *item) disable(ctx context.Context) error {
	h := it.h
	if !it.wanted.MultiConfig || it.ext == nil {
		if h.state() != enabled {
			return nil
		}
		if _, err := it.journal.run(ctx, call{op: opDisable, h: h, ext: it.ext}); err != nil {
			return err
		}
		return h.disabled("")
	}
	if !h.extensionEnabled(it.ext.Name) {
		return h.forget(it.ext.Name)
	}
	_, err := it.journal.run(ctx, call{op: opDisable, h: h, ext: it.ext})
	if err != nil {
		if stopped(ctx, err) {
			return err
		}
		h.log().Warn("The extension is taken as disabled all the same", "extension", it.ext.Name, "error", err.Error())
		h.event(opDisable.event, false, err.Error())
	}
	if err := h.disabled(it.ext.Name); err != nil {
		return err
	}
	return h.forget(it.ext.Name)
}

// uninstall disables what is enabled, uninstalls, and removes. A handler that cannot be disabled stays; one whose
// uninstall fails goes all the same.
func (it *item) uninstall(ctx context.Context) error {
	h := it.h
	started := it.journal.has(opDisable, h, it.extensionName()) || it.journal.has(opUninstall, h, it.extensionName())
	if s := h.state(); s == notInstalled && !started {
		return h.remove()
	}
	for _, ext := range it.toDisable(h) {
		if _, err := it.journal.run(ctx, call{op: opDisable, h: h, ext: ext}); err != nil {
			return err
		}
		name := ""
		if ext != nil {
			name = ext.Name
		}
		if err := h.disabled(name); err != nil {
			return err
		}
	}
	if _, err := it.journal.run(ctx, call{op: opUninstall, h: h, ext: it.ext}); err != nil {
		if stopped(ctx, err) {
			return err
		}
		h.log().Warn("The handler is removed all the same", "error", err.Error())
		h.event(opUninstall.event, false, err.Error())
	}
	return h.remove()
}

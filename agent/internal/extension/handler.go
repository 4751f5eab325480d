package extension

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/logline"
	"github.com/waagent-go/waagent/agent/protocol/handler"
	"github.com/waagent-go/waagent/agent/protocol/redact"
)

// State of a version of a handler, spelled as in its file.
const (
	notInstalled  = "NotInstalled"
	installed     = "Installed"
	enabled       = "Enabled"
	failedUpgrade = "FailedUpgrade"
)

// aHandler is one version of a handler: a folder below LibDir, and what is in it. Its paths are the guest's.
type aHandler struct {
	e       *Engine
	name    string
	version version
}

func (h aHandler) String() string { return h.name + "-" + h.version.String() }
func (h aHandler) base() string   { return path.Join(h.e.o.LibDir, h.String()) }
func (h aHandler) config() string { return path.Join(h.base(), handler.ConfigFolder) }
func (h aHandler) status() string { return path.Join(h.base(), handler.StatusFolder) }
func (h aHandler) logs() string   { return path.Join(h.e.o.LogDir, h.name) }
func (h aHandler) zip() string {
	return path.Join(h.e.o.LibDir, h.name+"__"+h.version.String()+".zip")
}

// real is where a path of the guest lies for a command that runs here.
func (e *Engine) real(name string) (string, error) {
	p, err := e.o.Files.Path(name)
	if err != nil {
		return "", err
	}
	return filepath.Abs(p)
}

func (h aHandler) log() *slog.Logger { return h.e.log.With(logline.Prefix("[" + h.String() + "]")) }

// event tells the fabric of something about this handler.
func (h aHandler) event(operation string, success bool, message string) {
	h.timedEvent(operation, success, message, 0)
}

// timedEvent is event for what took a while.
func (h aHandler) timedEvent(operation string, success bool, message string, took time.Duration) {
	h.e.o.Events.Add(event.Event{
		Name: h.name, Version: h.version.String(), Operation: operation, Success: success, Message: message, Duration: took,
	})
}

// state is the handler's state; a missing file is NotInstalled.
func (h aHandler) state() string {
	data, err := h.e.o.Files.ReadFile(path.Join(h.config(), handler.StateFile))
	if err != nil || len(data) == 0 {
		return notInstalled
	}
	return string(data)
}

func (h aHandler) setState(s string) error { return h.write(handler.StateFile, []byte(s)) }

// write replaces a file in the configuration folder, making the folder if need be.
func (h aHandler) write(name string, data []byte) error {
	if err := h.e.failpoint("write %s/config/%s", h, name); err != nil {
		return err
	}
	f := h.e.o.Files
	if err := f.MkdirAll(h.base(), 0o755); err != nil {
		return err
	}
	if err := f.MkdirAll(h.config(), 0o700); err != nil {
		return err
	}
	return h.e.put(path.Join(h.config(), name), data, 0o644)
}

// extensionEnabled is the state of one extension of a multi-config handler; a missing file is disabled.
func (h aHandler) extensionEnabled(name string) bool {
	data, err := h.e.o.Files.ReadFile(path.Join(h.config(), name+"."+handler.StateFile))
	return err == nil && string(data) == "enabled"
}

func (h aHandler) setExtensionEnabled(name string, on bool) error {
	text := "disabled"
	if on {
		text = "enabled"
	}
	return h.write(name+"."+handler.StateFile, []byte(text))
}

// enabledExtensions are the names of a multi-config handler's enabled extensions, sorted.
func (h aHandler) enabledExtensions() []string {
	var names []string
	for _, file := range h.e.o.Files.Glob(path.Join(h.config(), "*."+handler.StateFile)) {
		if name := strings.TrimSuffix(path.Base(file), "."+handler.StateFile); h.extensionEnabled(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// handlerStatus is config/HandlerStatus.
type handlerStatus struct {
	Name                string  `json:"name"`
	Version             string  `json:"version"`
	Status              string  `json:"status"`
	Code                int     `json:"code"`
	Message             *string `json:"message"`
	SupportsMultiConfig bool    `json:"supports_multi_config"`
	ExtensionStatus     *string `json:"extension_status"`
	SignatureValidated  bool    `json:"signature_validated"`
}

// readStatus is the handler's status, nil when there is none that can be read.
func (h aHandler) readStatus() *handlerStatus {
	data, err := h.e.o.Files.ReadFile(path.Join(h.config(), handler.StatusFile))
	if err != nil {
		return nil
	}
	var s handlerStatus
	if err := json.Unmarshal(data, &s); err != nil {
		h.log().Warn("unreadable HandlerStatus", "error", err.Error())
		return nil
	}
	return &s
}

// setStatus records how the handler is. A folder that this makes is marked as a handler's, so that it can be removed.
func (h aHandler) setStatus(value string, code int, message string, multi bool) error {
	s := handlerStatus{Name: h.name, Version: h.version.String(), Status: value, Code: code, SupportsMultiConfig: multi}
	if message != "" {
		message = redact.SAS(message)
		s.Message = &message
	}
	if old := h.readStatus(); old != nil {
		s.SignatureValidated = old.SignatureValidated
	}
	return h.writeStatus(s)
}

func (h aHandler) writeStatus(s handlerStatus) error {
	data, err := spaced(s)
	if err != nil {
		return err
	}
	if !h.e.o.Files.Exists(path.Join(h.config(), handler.StateFile)) {
		if err := h.setState(notInstalled); err != nil {
			return err
		}
	}
	return h.write(handler.StatusFile, data)
}

// onDisk are the versions of a handler, or with "" of all, that have a folder with a HandlerState.
func (e *Engine) onDisk(only string) []aHandler {
	var found []aHandler
	entries, err := e.o.Files.ReadDir(e.o.LibDir)
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		name, v, ok := splitFolder(entry.Name())
		if !ok || !entry.IsDir() || only != "" && name != only {
			continue
		}
		h := aHandler{e, name, v}
		if h.String() == entry.Name() && e.o.Files.Exists(path.Join(h.config(), handler.StateFile)) {
			found = append(found, h)
		}
	}
	return found
}

// splitFolder splits <handler>-<version>; agent packages are no handlers.
func splitFolder(name string) (string, version, bool) {
	i := strings.LastIndexByte(name, '-')
	if i <= 0 || strings.HasPrefix(name, "WALinuxAgent-") {
		return "", nil, false
	}
	v, err := parseVersion(name[i+1:])
	return name[:i], v, err == nil
}

// installedVersion is the highest version of a handler that is installed.
func (e *Engine) installedVersion(name string) (aHandler, bool) {
	var best aHandler
	for _, h := range e.onDisk(name) {
		if s := h.state(); s == notInstalled || s == failedUpgrade {
			continue
		}
		if best.version == nil || h.version.compare(best.version) > 0 {
			best = h
		}
	}
	return best, best.version != nil
}

// remove deletes the package and the folder. What some extension deletes at the same time is gone either way.
func (h aHandler) remove() error {
	if err := h.e.failpoint("remove %s", h); err != nil {
		return err
	}
	err := h.e.o.Files.Remove(h.zip())
	if rerr := h.e.o.Files.RemoveAll(h.base()); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
		err = errors.Join(err, rerr)
	}
	if err != nil {
		h.log().Warn("cannot remove the handler", "error", err.Error())
		h.event("UnInstall", false, fmt.Sprintf("remove %s: %v", h, err))
	}
	return nil
}

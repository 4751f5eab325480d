package extension

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/status"
	"github.com/waagent-go/waagent/agent/protocol/handler"
)

// writeEnvironment writes HandlerEnvironment.json and makes the folders that it names.
func (h aHandler) writeEnvironment() error {
	f := h.e.o.Files
	events := path.Join(h.logs(), handler.EventsFolder)
	if err := f.MkdirAll(h.logs(), 0o755); err != nil {
		return err
	}
	for _, dir := range []string{h.config(), h.status(), events} {
		if err := f.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	env := handler.Environment{Name: h.name, Version: "1.0"}
	for _, p := range []struct {
		path string
		to   *string
	}{
		{h.logs(), &env.Handler.LogFolder},
		{h.config(), &env.Handler.ConfigFolder},
		{h.status(), &env.Handler.StatusFolder},
		{path.Join(h.base(), handler.HeartbeatFile), &env.Handler.HeartbeatFile},
		{events, &env.Handler.EventsFolder},
		{events, &env.Handler.EventsFolderPreview},
	} {
		real, err := h.e.real(p.path)
		if err != nil {
			return err
		}
		*p.to = real
	}
	data, err := spaced([]handler.Environment{env})
	if err != nil {
		return err
	}
	if err := h.e.failpoint("write %s/%s", h, handler.EnvironmentFile); err != nil {
		return err
	}
	return h.e.put(path.Join(h.base(), handler.EnvironmentFile), data, 0o644)
}

// settingsName is the stem of an extension's settings and status files.
func settingsName(s goalstate.Settings) string {
	if s.Name == "" {
		return strconv.Itoa(s.Seq)
	}
	return s.Name + "." + strconv.Itoa(s.Seq)
}

// writeSettings writes the settings file that the next commands are about; a handler without settings gets an empty
// one. The protected settings stay encrypted: the extension has the key.
func (h aHandler) writeSettings(s *goalstate.Settings) error {
	if s == nil {
		return h.write("0.settings", nil)
	}
	type handlerSettings struct { // secret.Text hides itself from any other way of writing
		Public     json.RawMessage `json:"publicSettings"`
		Protected  *string         `json:"protectedSettings"`
		Thumbprint *string         `json:"protectedSettingsCertThumbprint"`
	}
	var out handlerSettings
	out.Public = s.Public
	if !s.Protected.IsZero() {
		text := s.Protected.Reveal()
		out.Protected = &text
	}
	if s.Thumbprint != "" {
		out.Thumbprint = &s.Thumbprint
	}
	doc := map[string]any{"runtimeSettings": []map[string]any{{"handlerSettings": out}}}
	data, err := spaced(doc)
	if err != nil {
		return fmt.Errorf("settings %s: %w", settingsName(*s), err)
	}
	return h.write(settingsName(*s)+".settings", data)
}

// manifest reads the package's manifest. A missing one is 1002, one that is no JSON 1003.
func (h aHandler) manifest() (handler.Manifest, error) {
	data, err := h.e.o.Files.ReadFile(path.Join(h.base(), handler.ManifestFile))
	if err != nil {
		return handler.Manifest{}, fail(classError, status.CodeManifestMissing, fmt.Errorf("read %s: %w", handler.ManifestFile, err))
	}
	var all handler.Manifests
	if err := json.Unmarshal(bytes.TrimPrefix(data, bom), &all); err != nil {
		return handler.Manifest{}, fail(classError, status.CodeManifestMalformed, fmt.Errorf("parse %s: %w", handler.ManifestFile, err))
	}
	if len(all) == 0 || all[0].Handler == nil {
		err := errors.New("malformed " + handler.ManifestFile + ": no handlerManifest")
		return handler.Manifest{}, fail(classError, status.CodeUnknown, err)
	}
	return all[0], nil
}

var bom = []byte("\ufeff")

// carryOver copies what the contract keeps across versions: the file mrseq and all files of the status folder, with
// their times.
func (h aHandler) carryOver(old aHandler) error {
	f := h.e.o.Files
	if err := h.e.copyWithTime(path.Join(old.base(), "mrseq"), path.Join(h.base(), "mrseq")); err != nil {
		return err
	}
	entries, err := f.ReadDir(old.status())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			continue
		}
		if err := h.e.copyWithTime(path.Join(old.status(), entry.Name()), path.Join(h.status(), entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// forget deletes the files of an extension that was disabled.
func (h aHandler) forget(extension string) error {
	f := h.e.o.Files
	var all error
	for _, dir := range []struct{ path, suffix string }{{h.config(), ".settings"}, {h.status(), ".status"}} {
		entries, err := f.ReadDir(dir.path)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			seq, ok := strings.CutPrefix(entry.Name(), extension+".")
			if seq, ok2 := strings.CutSuffix(seq, dir.suffix); ok && ok2 && isNumber(seq) {
				all = errors.Join(all, f.Remove(path.Join(dir.path, entry.Name())))
			}
		}
	}
	return errors.Join(all, f.Remove(path.Join(h.config(), extension+"."+handler.StateFile)))
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 63)
	return err == nil
}

// settingsOf is ext, or nil for a handler that never had settings.
func (h aHandler) settingsOf(ext *goalstate.Settings) *goalstate.Settings {
	for _, name := range h.e.o.Files.Glob(path.Join(h.config(), "*.settings")) {
		if info, err := h.e.o.Files.Stat(name); err == nil && info.Size() > 0 {
			return ext
		}
	}
	return nil
}

// newestSeq is the highest sequence number that an extension ("" for a single one) has a settings file for.
func (h aHandler) newestSeq(extension string) int {
	prefix, newest := "", 0
	if extension != "" {
		prefix = extension + "."
	}
	for _, name := range h.e.o.Files.Glob(path.Join(h.config(), "*.settings")) {
		seq := strings.TrimSuffix(strings.TrimPrefix(path.Base(name), prefix), ".settings")
		if n, err := strconv.Atoi(seq); err == nil {
			newest = max(newest, n)
		}
	}
	return newest
}

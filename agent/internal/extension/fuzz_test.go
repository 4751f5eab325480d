package extension

import (
	"cmp"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/status"
	"github.com/waagent-go/waagent/agent/protocol/handler"
	"github.com/waagent-go/waagent/agent/protocol/secret"
)

func FuzzParseStatus(f *testing.F) {
	for _, text := range []string{
		`[{"version": 1.0, "timestampUTC": "2024-01-01T00:00:00Z", "status": {"name": "x", "operation": "Enable", "status":
		"success", "code": 0, "configurationAppliedTime": "t", "formattedMessage": {"lang": "en-US", "message": "ok"},
		"substatus": [{"name": "s1", "status": "success", "code": 0, "formattedMessage": {"lang": "en", "message": "m"}}]}}]`,
		`[]`, `null`, `[1]`, `{"status": {}}`, `[{"status": {"status": 5}}]`, `[{"status": {"status": "odd", "code": "12"}}]`,
		`[{"status": {"status": "error", "substatus": [null, {"status": "warning", "code": 1e99}]}}]`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := ParseStatus(data)
		if err != nil {
			assert.DeepEqual(t, x, status.Extension{})
			return
		}
		assert.Assert(t, x.Status == "" || known(x.Status), x.Status)
		for _, s := range x.Substatus {
			assert.Assert(t, known(s.Status), s.Status)
		}
		blob, err := status.Report{Handlers: []status.Handler{{Name: "x", Version: "1", Extension: &x}}}.Blob()
		assert.NilError(t, err)
		assert.Assert(t, json.Valid(blob))
	})
}

func FuzzParseHeartbeat(f *testing.F) {
	for _, text := range []string{
		`[{"version": 1.0, "heartbeat": {"status": "Ready", "code": 0, "formattedMessage": {"lang": "en", "message": "m"}}}]`,
		`[]`, `{}`, `[{"heartbeat": {"status": null}}]`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := parseHeartbeat(data)
		if err != nil {
			assert.Equal(t, b, heartbeat{})
		}
	})
}

func FuzzRespell(f *testing.F) {
	for _, text := range []string{`{"a":1,"b":[1.0,null,true],"c":"\u003c\/é\ud800"}`, ` [ "a,b" , {} ] `, `"\\\""`, `1e5`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) {
			return
		}
		got := respell([]byte(text))
		assert.Assert(t, json.Valid(got), "%s", got)
		assert.Assert(t, !slices.ContainsFunc(got, func(b byte) bool { return b >= 0x80 || b == '\n' }), "%s", got)
		assert.Equal(t, string(respell(got)), string(got))
		var before, after any
		dec := func(s string, to any) {
			d := json.NewDecoder(strings.NewReader(s))
			d.UseNumber()
			assert.NilError(t, d.Decode(to))
		}
		dec(text, &before)
		dec(string(got), &after)
		assert.DeepEqual(t, after, before)
	})
}

func FuzzManifest(f *testing.F) {
	for _, text := range []string{
		`[{"name": "x", "version": 1.0, "handlerManifest": {"enableCommand": "bin/x enable", "reportHeartbeat": "TRUE"}}]`,
		"\ufeff" + `[{"handlerManifest": {}}]`, `{"handlerManifest": {"updateMode": "x"}}`, `[]`, `[{}]`, `[null]`,
	} {
		f.Add([]byte(text))
	}
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		e := New(Options{Files: host.Files{Root: root}, LibDir: "/", LogDir: "/log"})
		h := aHandler{e, "Contoso.Demo", version{1}}
		assert.NilError(t, h.setState(installed))
		assert.NilError(t, e.o.Files.WriteAtomic(h.base()+"/"+handler.ManifestFile, data, 0o600))
		m, err := h.manifest()
		if err == nil {
			assert.Assert(t, m.Handler != nil)
			return
		}
		code := asFailure(err).code
		assert.Assert(t, code == status.CodeManifestMalformed || code == status.CodeUnknown, "%d", code)
	})
}

// FuzzVersion reads foreign versions. One that is a version reads the same from how it is written down.
func FuzzVersion(f *testing.F) {
	for _, text := range []string{"1.0.0", "01.2", "", "1..2", "-1", "+1", "1.0.0.0.0", "99999999999999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := parseVersion(text)
		if err != nil {
			assert.Assert(t, v == nil)
			return
		}
		again, err := parseVersion(v.String())
		assert.NilError(t, err)
		assert.Equal(t, v.compare(again), 0)
		assert.Assert(t, v.matches(again))
	})
}

// FuzzHandlerStatus finds a foreign HandlerStatus. Whatever is there, the next status is written and read again, and
// an unreadable one is as good as none.
func FuzzHandlerStatus(f *testing.F) {
	for _, text := range []string{
		`{"name": "Contoso.Demo", "version": "1", "status": "Ready", "code": 0, "message": null, "signature_validated": true}`,
		`{"code": "0"}`, `null`, `[]`, ``, `{"message": 5}`,
	} {
		f.Add([]byte(text))
	}
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		e := New(Options{Files: host.Files{Root: root}, LibDir: "/", LogDir: "/log", Log: slog.New(slog.DiscardHandler)})
		h := aHandler{e, "Contoso.Demo", version{1}}
		assert.NilError(t, h.setState(installed))
		assert.NilError(t, e.o.Files.WriteAtomic(h.config()+"/"+handler.StatusFile, data, 0o600))
		was := h.readStatus()
		assert.NilError(t, h.setStatus(status.NotReady, 1009, "it said \"no\"", true))
		now := h.readStatus()
		assert.Assert(t, now != nil)
		assert.Equal(t, now.Status, status.NotReady)
		assert.Equal(t, *now.Message, "it said \"no\"")
		assert.Equal(t, now.SignatureValidated, was != nil && was.SignatureValidated)
	})
}

// FuzzJournal finds a foreign journal of a handler's move. Whatever is there, the move goes to where it is wanted now.
func FuzzJournal(f *testing.F) {
	for _, text := range []string{
		`{"version":1,"goalState":"incarnation_1","from":"1.0.0","to":"2.0.0","setup":true}`, `{"to": "1.0.0"}`, `{"to": 5}`, `null`, `[]`, ``,
	} {
		f.Add([]byte(text))
	}
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		e := New(Options{Files: host.Files{Root: root}, LibDir: "/", LogDir: "/log", Log: slog.New(slog.DiscardHandler)})
		dir := (&journal{e: e, name: "Contoso.Demo"}).dir()
		assert.NilError(t, e.o.Files.MkdirAll(dir, 0o700))
		assert.NilError(t, e.o.Files.WriteAtomic(dir+"/journal.json", data, 0o600))
		j, err := e.openJournal(t.Context(), "Contoso.Demo", "incarnation_7", "1.0.0")
		assert.NilError(t, err)
		assert.Equal(t, j.To, "1.0.0")
	})
}

// FuzzSettings writes foreign settings. What is written reads the same, in one line of ASCII; what is no JSON is refused.
func FuzzSettings(f *testing.F) {
	f.Add(`{"z":12345678901234567890,"a":"<\u00e9>"}`, "Y2lwaGVy", "ABCD", "")
	f.Add(`null`, "", "", "one")
	f.Add(`{"a": 1} {`, "x", "", "")
	f.Add(``, "", "\u2028", "")
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, public, protected, thumbprint, name string) {
		if !utf8.ValidString(public+protected+thumbprint) || strings.ContainsAny(name, "/\x00") || len(name) > 100 {
			return
		}
		e := New(Options{Files: host.Files{Root: root}, LibDir: "/", LogDir: "/log"})
		h := aHandler{e, "Contoso.Demo", version{1}}
		wanted := goalstate.Settings{Name: name, Seq: 3, Protected: secret.New(protected), Thumbprint: thumbprint}
		if public != "" {
			wanted.Public = json.RawMessage(public)
		}
		err := h.writeSettings(&wanted)
		assert.Equal(t, err == nil, public == "" || json.Valid([]byte(public)), "%v", err)
		if err != nil {
			return
		}
		data, err := e.o.Files.ReadFile(h.config() + "/" + settingsName(wanted) + ".settings")
		assert.NilError(t, err)
		assert.Assert(t, !slices.ContainsFunc(data, func(b byte) bool { return b >= 0x80 || b < ' ' }), "%s", data)
		var back struct {
			Runtime []struct {
				Handler struct {
					Public     any     `json:"publicSettings"`
					Protected  *string `json:"protectedSettings"`
					Thumbprint *string `json:"protectedSettingsCertThumbprint"`
				} `json:"handlerSettings"`
			} `json:"runtimeSettings"`
		}
		decode := func(text string, to any) {
			d := json.NewDecoder(strings.NewReader(text))
			d.UseNumber()
			assert.NilError(t, d.Decode(to))
		}
		decode(string(data), &back)
		var asked any
		if public != "" {
			decode(public, &asked)
		}
		got := back.Runtime[0].Handler
		assert.DeepEqual(t, got.Public, asked)
		assert.Equal(t, text(got.Protected), protected)
		assert.Equal(t, text(got.Thumbprint), thumbprint)
		assert.Equal(t, h.newestSeq(name), 3)
	})
}

// FuzzHandlerState finds foreign states of a handler and of an extension of it. Only the exact words count, and an
// extension's number is read back from the name of its settings.
func FuzzHandlerState(f *testing.F) {
	for _, state := range []string{enabled, installed, notInstalled, failedUpgrade, "", "Enabled\n", "enabled"} {
		f.Add([]byte(state), "one", []byte("enabled"), uint16(1))
	}
	f.Add([]byte(enabled), "", []byte("disabled"), uint16(0))
	f.Add([]byte(enabled), "a.1", []byte("Enabled"), uint16(2))
	f.Fuzz(func(t *testing.T, state []byte, name string, ofOne []byte, seq uint16) {
		if strings.ContainsAny(name, "/\x00") || len(name) > 100 {
			return
		}
		e := New(Options{Files: host.Files{Root: t.TempDir()}, LibDir: "/", LogDir: "/log"})
		h := aHandler{e, "Contoso.Demo", version{1}}
		one := goalstate.Settings{Name: name, Seq: int(seq)}
		assert.NilError(t, h.setState(string(state)))
		assert.NilError(t, h.setStatus(status.Ready, 0, "", true))
		assert.NilError(t, h.write(name+"."+handler.StateFile, ofOne))
		assert.NilError(t, h.writeSettings(&one))

		is := h.state() // an empty file is as good as none
		there := is != notInstalled && is != failedUpgrade
		found, ok := e.installedVersion(h.name)
		assert.Equal(t, ok, there)
		assert.Assert(t, !ok || found.String() == h.String())
		assert.Equal(t, is, cmp.Or(string(state), notInstalled))
		assert.Equal(t, slices.Contains(h.enabledExtensions(), name), string(ofOne) == "enabled")
		on := h.extensionsOnDisk()
		assert.Equal(t, len(on), 1)
		assert.Equal(t, settingsName(on[0]), settingsName(one))
		for _, entry := range e.Report() {
			assert.Equal(t, entry.Name, h.name)
			assert.Assert(t, entry.Extension == nil || is != notInstalled && (name == "" || string(ofOne) == "enabled"))
		}
	})
}

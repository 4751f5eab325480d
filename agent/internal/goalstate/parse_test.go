package goalstate_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
)

const thumb = "0123456789ABCDEF0123456789ABCDEF01234567"

// plugin is an ExtensionsConfig with one handler, whose settings node is given.
func plugin(state, settings string) string {
	return `<Extensions><Plugins><Plugin name="Contoso.A" version="1.0" state="` + state + `"/></Plugins><PluginSettings>` + settings + `</PluginSettings></Extensions>`
}

func TestAMistakeInOneHandlerStaysThere(t *testing.T) {
	t.Parallel()
	set := func(inner string) string { return `<Plugin name="contoso.a" version="1.0">` + inner + `</Plugin>` }
	ok := `{"runtimeSettings":[{"handlerSettings":{"publicSettings":{}}}]}`
	for name, c := range map[string]struct{ state, settings, invalid string }{
		"fine":                 {"enabled", set(`<RuntimeSettings seqNo="1">` + ok + `</RuntimeSettings>`), ""},
		"CDATA is fine":        {"enabled", set(`<RuntimeSettings seqNo="1"><![CDATA[` + ok + `]]></RuntimeSettings>`), ""},
		"no settings":          {"enabled", "", ""},
		"empty settings":       {"enabled", set(`<RuntimeSettings seqNo="1"/>`), ""},
		"no JSON":              {"enabled", set(`<RuntimeSettings seqNo="1">hello</RuntimeSettings>`), ""},
		"capital state":        {"Enabled", "", ""},
		"senseless level":      {"enabled", set(`<DependsOn dependencyLevel="x"/><RuntimeSettings seqNo="1">` + ok + `</RuntimeSettings>`), ""},
		"empty state":          {"", "", "state is empty"},
		"unknown state":        {"paused", "", `"paused"`},
		"other version":        {"enabled", `<Plugin name="Contoso.A" version="2.0"/>`, "for version 2.0"},
		"two sets":             {"enabled", set("") + set(""), "2 sets of settings"},
		"two runtime settings": {"enabled", set(`<RuntimeSettings seqNo="1">` + ok + `</RuntimeSettings><RuntimeSettings seqNo="2">` + ok + `</RuntimeSettings>`), "2 runtime settings"},
		"both kinds":           {"enabled", set(`<RuntimeSettings seqNo="1">` + ok + `</RuntimeSettings><ExtensionRuntimeSettings seqNo="2" name="x">` + ok + `</ExtensionRuntimeSettings>`), "both single and multiple"},
		"no sequence number":   {"enabled", set(`<RuntimeSettings>` + ok + `</RuntimeSettings>`), "no sequence number"},
		"odd sequence number":  {"enabled", set(`<RuntimeSettings seqNo="one">` + ok + `</RuntimeSettings>`), `"one"`},
		"no handlerSettings":   {"enabled", set(`<RuntimeSettings seqNo="1">{"runtimeSettings":[{}]}</RuntimeSettings>`), "no handlerSettings"},
		"no runtimeSettings":   {"enabled", set(`<RuntimeSettings seqNo="1">{}</RuntimeSettings>`), "no handlerSettings"},
		"settings are a list":  {"enabled", set(`<RuntimeSettings seqNo="1">["SECRET"]</RuntimeSettings>`), "no settings document"},
		"two dependencies":     {"enabled", set(`<DependsOn dependencyLevel="1"/><DependsOn dependencyLevel="2"/><RuntimeSettings seqNo="1">` + ok + `</RuntimeSettings>`), "2 dependencies"},
		"extension unnamed":    {"enabled", set(`<ExtensionRuntimeSettings seqNo="1">` + ok + `</ExtensionRuntimeSettings>`), "no name"},
		"dependency unnamed":   {"enabled", set(`<DependsOn dependencyLevel="1"/><ExtensionRuntimeSettings seqNo="1" name="x">` + ok + `</ExtensionRuntimeSettings>`), "does not name"},
		"extension's state":    {"enabled", set(`<ExtensionRuntimeSettings seqNo="1" name="x" state="gone">` + ok + `</ExtensionRuntimeSettings>`), `"gone"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _, err := goalstate.ParseExtensionsConfig([]byte(plugin(c.state, c.settings)), "1")
			assert.NilError(t, err)
			got := w.Handlers[0].Invalid
			if c.invalid == "" {
				assert.Equal(t, got, "")
				return
			}
			assert.Assert(t, strings.Contains(got, c.invalid), got)
			assert.Assert(t, !strings.Contains(got, "SECRET"))
		})
	}
}

func TestPublicSettingsSurviveAsSent(t *testing.T) {
	t.Parallel()
	const public = `{"z":1,"a":12345678901234567890,"n":null}`
	doc := plugin("enabled", `<Plugin name="Contoso.A" version="1.0"><RuntimeSettings seqNo="3">{"runtimeSettings":[{"handlerSettings":{"publicSettings":`+public+
		`,"protectedSettings":"c2VjcmV0","protectedSettingsCertThumbprint":"`+thumb+`"}}]}</RuntimeSettings></Plugin>`)
	w, _, err := goalstate.ParseExtensionsConfig([]byte(doc), "1")
	assert.NilError(t, err)
	s := w.Handlers[0].Settings[0]
	assert.Equal(t, string(s.Public), public)
	assert.Equal(t, s.Protected.Reveal(), "c2VjcmV0")
	assert.Equal(t, s.Thumbprint, thumb)
	assert.Equal(t, s.Seq, 3)
	assert.Assert(t, !strings.Contains(fmt.Sprintf("%+v", w), "c2VjcmV0"))
}

func settings(extension string) string {
	return `{"hostGAPluginVersion":"1.0.8.133","extensionGoalStatesSource":"FastTrack","extensionGoalStates":[` + extension + `]}`
}

func TestAMistakeInVMSettingsRejectsThem(t *testing.T) {
	t.Parallel()
	head := `"name":"Contoso.A","version":"1.0","state":"enabled"`
	for name, c := range map[string]struct{ doc, want string }{
		"fine":                   {settings(`{` + head + `}`), ""},
		"members in any case":    {strings.Replace(settings(`{`+head+`}`), "hostGAPluginVersion", "HOSTgapluginversion", 1), ""},
		"capital state":          {settings(`{"name":"Contoso.A","version":"1.0","state":"Enabled"}`), `"Enabled"`},
		"no version":             {settings(`{"name":"Contoso.A","state":"enabled"}`), "name or version"},
		"settings an object":     {settings(`{` + head + `,"settingsSeqNo":1,"settings":[{"publicSettings":{}}]}`), "object"},
		"settings no JSON":       {settings(`{` + head + `,"settingsSeqNo":1,"settings":[{"publicSettings":"SECRET"}]}`), "no JSON document"},
		"two settings":           {settings(`{` + head + `,"settingsSeqNo":1,"settings":[{},{}]}`), "several settings"},
		"no sequence number":     {settings(`{` + head + `,"settings":[{}]}`), "settingsSeqNo"},
		"no thumbprint":          {settings(`{` + head + `,"settingsSeqNo":1,"settings":[{"protectedSettings":"SECRET"}]}`), "Thumbprint"},
		"unnamed extension":      {settings(`{` + head + `,"isMultiConfig":true,"settings":[{"seqNo":1,"extensionState":"enabled"}]}`), "extensionName"},
		"dependency of nobody":   {settings(`{` + head + `,"isMultiConfig":true,"dependsOn":[{"name":"x","dependencyLevel":1}]}`), "has no settings"},
		"families no list":       {`{"hostGAPluginVersion":"1.0.8.133","gaFamilies":{}}`, "object"},
		"feature without name":   {`{"hostGAPluginVersion":"1.0.8.133","requiredFeatures":[{}]}`, "no name"},
		"blob without value":     {`{"hostGAPluginVersion":"1.0.8.133","statusUploadBlob":{}}`, "no value"},
		"plugin version no text": {`{"hostGAPluginVersion":"new"}`, "no version"},
		"plugin too old":         {`{"hostGAPluginVersion":"1.0.8.132"}`, "too old"},
		"no plugin version":      {`{}`, "too old"},
		"no JSON":                {`{"a":`, "no JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := goalstate.ParseVMSettings([]byte(c.doc), "1")
			if c.want == "" {
				assert.NilError(t, err)
				return
			}
			assert.ErrorContains(t, err, c.want)
			assert.Assert(t, !strings.Contains(err.Error(), "SECRET"), err.Error())
		})
	}
}

func TestTicksAreTimes(t *testing.T) {
	t.Parallel()
	created := func(ticks string) time.Time {
		w, _, err := goalstate.ParseExtensionsConfig([]byte(`<Extensions><InVMGoalStateMetaData createdOnTicks="`+ticks+`"/></Extensions>`), "1")
		assert.NilError(t, err)
		return w.Created
	}
	assert.Equal(t, created("638900000012345678"), time.Date(2025, 8, 5, 14, 13, 21, 234567800, time.UTC))
	assert.Assert(t, created("").IsZero() && created("soon").IsZero() && created("-1").IsZero())
	w, _, err := goalstate.ParseExtensionsConfig([]byte(`<Extensions><InVMGoalStateMetaData createdOnTicks="638900000012345678"/></Extensions>`), "1")
	assert.NilError(t, err)
	assert.Equal(t, w.CreatedText(), "2025-08-05T14:13:21.234567Z")
}

func FuzzExtensionsConfig(f *testing.F) {
	f.Add([]byte(plugin("enabled", `<Plugin name="Contoso.A" version="1.0"><DependsOn dependencyLevel="1"/><RuntimeSettings seqNo="1">{"runtimeSettings":[{"handlerSettings":{"publicSettings":{"a":1}}}]}</RuntimeSettings></Plugin>`)))
	f.Add([]byte(plugin("disabled", `<Plugin name="contoso.a" version="1.0"><ExtensionRuntimeSettings seqNo="1" name="x" state="disabled">{}</ExtensionRuntimeSettings></Plugin>`)))
	f.Fuzz(func(t *testing.T, doc []byte) {
		w, _, err := goalstate.ParseExtensionsConfig(doc, "1")
		if err == nil {
			sane(t, w)
		}
	})
}

func FuzzVMSettings(f *testing.F) {
	f.Add([]byte(settings(`{"name":"Contoso.A","version":"1.0","state":"enabled","settingsSeqNo":1,"settings":[{"publicSettings":"{}"}],"dependsOn":[{"dependencyLevel":2}]}`)))
	f.Add([]byte(settings(`{"name":"Contoso.A","version":"1.0","state":"enabled","isMultiConfig":true,"settings":[{"extensionName":"x","seqNo":1,"extensionState":"enabled"}]}`)))
	f.Fuzz(func(t *testing.T, doc []byte) {
		w, err := goalstate.ParseVMSettings(doc, "1")
		if err == nil {
			sane(t, w)
			again, err := goalstate.ParseVMSettings(doc, "1")
			assert.NilError(t, err)
			assert.Assert(t, reflect.DeepEqual(w, again))
		}
	})
}

// FuzzSettings reads foreign settings of one extension. Whatever they are, the handler is there, alone marked invalid if
// need be, and what is said of a mistake quotes nothing that may be secret.
func FuzzSettings(f *testing.F) {
	f.Add("1", `{"runtimeSettings":[{"handlerSettings":{"publicSettings":{"a":1},"protectedSettings":"U0VDUkVU","protectedSettingsCertThumbprint":"AB"}}]}`)
	f.Add("x", `{"runtimeSettings":[]}`)
	f.Add(" 2 ", `{"runtimeSettings":[{"handlerSettings":{"publicSettings":null,"protectedSettings":{"secret":"SECRETWORD"}}}]}`)
	f.Add("99999999999999999999", "no JSON")
	f.Fuzz(func(t *testing.T, seq, text string) {
		escaped := func(s string) string {
			var b strings.Builder
			assert.NilError(t, xml.EscapeText(&b, []byte(s)))
			return b.String()
		}
		w, _, err := goalstate.ParseExtensionsConfig([]byte(plugin("enabled", `<Plugin name="Contoso.A" version="1.0"><RuntimeSettings seqNo="`+
			escaped(seq)+`">`+escaped(text)+`</RuntimeSettings></Plugin>`)), "1")
		assert.NilError(t, err)
		sane(t, w)
		assert.Equal(t, len(w.Handlers), 1)
		h := w.Handlers[0]
		assert.Assert(t, !strings.Contains(h.Invalid, "SECRETWORD"), h.Invalid)
		for _, s := range h.Settings {
			kept := strings.Contains(text, string(s.Public)) || bytes.ContainsRune(s.Public, utf8.RuneError) // what XML cannot hold
			assert.Assert(t, kept, "%s", s.Public)
		}
	})
}

// FuzzRemoteAccess reads foreign users. Written again, they are read the same, and an error names no password.
func FuzzRemoteAccess(f *testing.F) {
	f.Add([]byte(`<RemoteAccess><Version>1</Version><Incarnation>1</Incarnation><Users><User><Name>ann</Name><Password>
		U0VDUkVU </Password><Expiration>Mon, 23 Nov 2026 11:00:00 GMT</Expiration><Groups><Group>Administrators</Group></Groups></User></Users></RemoteAccess>`))
	f.Add([]byte("\xef\xbb\xbf<RemoteAccess><Users/></RemoteAccess>"))
	f.Add([]byte(`<RemoteAccess><Users><User><Name/></User>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		users, err := goalstate.ParseRemoteAccess(doc)
		if err != nil {
			assert.Assert(t, users == nil)
			return
		}
		assert.Assert(t, users != nil, "a document without users removes them all: it is not nil")
		text := func(s string) string {
			var b strings.Builder
			assert.NilError(t, xml.EscapeText(&b, []byte(s)))
			return b.String()
		}
		var b strings.Builder
		b.WriteString("<RemoteAccess><Users>")
		for _, u := range users {
			fmt.Fprintf(&b, "<User><Name>%s</Name><Password>%s</Password><Expiration>%s</Expiration></User>",
				text(u.Name), text(u.Password.Reveal()), text(u.Expiration))
		}
		b.WriteString("</Users></RemoteAccess>")
		same, err := goalstate.ParseRemoteAccess([]byte(b.String()))
		assert.NilError(t, err)
		assert.Assert(t, reflect.DeepEqual(same, users), "%s", b.String())
	})
}

// FuzzArtifactsProfile reads foreign profiles. On hold is only what says so, whatever a page blob adds at the end.
func FuzzArtifactsProfile(f *testing.F) {
	for _, text := range []string{`{"onHold": true}`, `{"onHold":"TRUE"}` + "\x00\x00", `{"onHold": 1}`, `{"onHold": null}`, "", "\xef\xbb\xbf{}", `{"ONHOLD":false}  `, `[]`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		hold, err := goalstate.ParseArtifactsProfile(body)
		if err != nil {
			assert.Assert(t, !hold)
			return
		}
		if hold {
			text := strings.ToLower(string(body))
			assert.Assert(t, strings.Contains(text, "true") || strings.Contains(text, `\u`), "%q", body)
		}
		padded, err := goalstate.ParseArtifactsProfile(append(slices.Clone(body), "\r\n \x00\x00"...))
		assert.NilError(t, err)
		assert.Equal(t, padded, hold)
	})
}

// sane is what the extension engine relies on: a handler is either marked or has legal states and settings.
func sane(t *testing.T, w goalstate.Wanted) {
	t.Helper()
	for _, h := range w.Handlers {
		if h.Invalid != "" {
			continue
		}
		assert.Assert(t, h.State == goalstate.Enabled || h.State == goalstate.Disabled || h.State == goalstate.Uninstall)
		assert.Assert(t, h.MultiConfig || len(h.Settings) <= 1)
		for _, s := range h.Settings {
			assert.Assert(t, s.Public == nil || json.Valid(s.Public))
			assert.Equal(t, s.Name != "", h.MultiConfig)
		}
	}
}

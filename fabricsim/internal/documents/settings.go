package documents

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/waagent-go/waagent/fabricsim/goal"
)

func writeSettings(line printer, e goal.Extension, protect func(goal.Value) (string, string, error)) error {
	if e.Settings == nil && len(e.Configs) == 0 && e.Level == 0 {
		return nil
	}
	version := e.SettingsVersion
	if version == "" {
		version = e.Version
	}
	line(`  <Plugin name="%s" version="%s">`, attribute(e.Name), attribute(version))
	if e.Level != 0 {
		writeDependsOn(line, e.Level, "", e.DependsOn)
	}
	for _, c := range e.Configs {
		if c.Level != 0 {
			writeDependsOn(line, c.Level, fmt.Sprintf(` name="%s"`, attribute(c.Name)), nil)
		}
	}
	if s := e.Settings; s != nil {
		text, err := settingsText(s.Public, s.Protected, protect)
		if err != nil {
			return err
		}
		line(`    <RuntimeSettings seqNo="%d">%s</RuntimeSettings>`, s.Seq, escape(text))
	}
	for _, c := range e.Configs {
		text, err := settingsText(c.Public, c.Protected, protect)
		if err != nil {
			return err
		}
		line(`    <ExtensionRuntimeSettings seqNo="%d" name="%s" state="%s">%s</ExtensionRuntimeSettings>`,
			c.Seq, attribute(c.Name), attribute(c.State), escape(text))
	}
	line(`  </Plugin>`)
	return nil
}

func writeDependsOn(line printer, level int, name string, handlers []string) {
	if len(handlers) == 0 {
		line(`    <DependsOn dependencyLevel="%d"%s />`, level, name)
		return
	}
	line(`    <DependsOn dependencyLevel="%d"%s>`, level, name)
	for _, h := range handlers {
		line(`      <DependsOnExtension handler="%s" />`, attribute(h))
	}
	line(`    </DependsOn>`)
}

// settingsText is the JSON inside RuntimeSettings.
func settingsText(public, protected goal.Value, protect func(goal.Value) (string, string, error)) (string, error) {
	var settings struct {
		Thumbprint string          `json:"protectedSettingsCertThumbprint,omitempty"`
		Protected  string          `json:"protectedSettings,omitempty"`
		Public     json.RawMessage `json:"publicSettings,omitempty"`
	}
	var err error
	if settings.Protected, settings.Thumbprint, err = protect(protected); err != nil {
		return "", err
	}
	if !public.IsZero() {
		settings.Public = json.RawMessage(public.Text())
	}
	inner, err := compact(settings)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "{\n  \"runtimeSettings\": [\n    {\n      \"handlerSettings\": %s\n    }\n  ]\n}", inner)
	return b.String(), nil
}

// compact is json.Marshal that leaves < > & alone.
func compact(v any) (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

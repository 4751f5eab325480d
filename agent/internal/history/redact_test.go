package history

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// FuzzWithoutSecrets keeps documents with foreign texts around secrets. Whatever stands beside them, no secret stays,
// and vmSettings stay JSON with the same public settings.
func FuzzWithoutSecrets(f *testing.F) {
	f.Add("a", "plain")
	f.Add(`"protectedSettings": "`, `\"`)
	f.Add("https://a.blob.test/x?sig=1 <&>", "\u2028\x00'")
	f.Add(`</RuntimeSettings>`, "?sv=1&sig=")
	const hidden, query = "SECRET+SECRET/==", "token=SECRET%2Bx%3D&x=1"
	f.Fuzz(func(t *testing.T, public, name string) {
		if strings.Contains(name+public, "SECRET") {
			return // then it is none
		}
		settings, err := json.Marshal(map[string]any{"runtimeSettings": []any{map[string]any{"handlerSettings": map[string]any{
			"publicSettings": map[string]string{name: public}, "protectedSettings": hidden, "protectedSettingsCertThumbprint": "AB",
		}}}})
		assert.NilError(t, err)
		var x strings.Builder
		x.WriteString(`<Extensions><StatusUploadBlob statusBlobType="BlockBlob">https://a.blob.test/b?`)
		assert.NilError(t, xml.EscapeText(&x, []byte(query)))
		x.WriteString("</StatusUploadBlob><PluginSettings><Plugin><RuntimeSettings>")
		assert.NilError(t, xml.EscapeText(&x, settings))
		x.WriteString("</RuntimeSettings></Plugin></PluginSettings><InVMArtifactsProfileBlob>https://a.blob.test/p?")
		assert.NilError(t, xml.EscapeText(&x, []byte(query)))
		x.WriteString("</InVMArtifactsProfileBlob></Extensions>")
		kept := string(withoutSecrets("ExtensionsConfig.xml", []byte(x.String())))
		assert.Assert(t, !strings.Contains(kept, "SECRET"), kept)

		inner, err := json.Marshal(map[string]string{name: public})
		assert.NilError(t, err)
		vm, err := json.Marshal(map[string]any{
			"statusUploadBlob": map[string]string{"value": "https://a.blob.test/b?" + query},
			"extensionGoalStates": []any{map[string]any{"settings": []any{map[string]string{
				"publicSettings": string(inner), "protectedSettings": hidden,
			}}}},
		})
		assert.NilError(t, err)
		kept = string(withoutSecrets("VmSettings.json", vm))
		assert.Assert(t, json.Valid([]byte(kept)), "%s", kept)
		assert.Assert(t, !strings.Contains(kept, "SECRET"), kept)
	})
}

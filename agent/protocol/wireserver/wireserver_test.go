package wireserver

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
)

// documents are the types by the name of their sample.
func documents() map[string]func() any {
	return map[string]func() any{
		"versions":           func() any { return new(Versions) },
		"goalstate":          func() any { return new(GoalState) },
		"extensionsconfig":   func() any { return new(ExtensionsConfig) },
		"manifest":           func() any { return new(Manifest) },
		"remoteaccess":       func() any { return new(RemoteAccess) },
		"certificates":       func() any { return new(CertificateFile) },
		"hostingenvironment": func() any { return new(HostingEnvironment) },
		"sharedconfig":       func() any { return new(SharedConfig) },
	}
}

func TestSamplesAreUnderstood(t *testing.T) {
	t.Parallel()
	for name, empty := range documents() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := empty()
			assert.NilError(t, xml.Unmarshal(sample(t, name), doc))
			var b bytes.Buffer
			enc := json.NewEncoder(&b)
			enc.SetIndent("", "  ")
			enc.SetEscapeHTML(false)
			assert.NilError(t, enc.Encode(doc))
			golden.Assert(t, b.String(), name+".golden")
		})
	}
}

func TestSecretsOfADocumentSayNothing(t *testing.T) {
	t.Parallel()
	var e ExtensionsConfig
	assert.NilError(t, xml.Unmarshal(sample(t, "extensionsconfig"), &e))
	text, err := json.Marshal(e)
	assert.NilError(t, err)
	for _, secret := range []string{"cHJvdGVjdGVk", "sig=", "12345678901234567890"} {
		assert.Assert(t, !bytes.Contains(text, []byte(secret)), "%s in %s", secret, text)
	}
	assert.Assert(t, strings.Contains(e.StatusUploadBlob.URI.Reveal(), "sig=abc%3D&se="))
	var s SettingsDocument
	assert.NilError(t, json.Unmarshal([]byte(e.PluginSettings[0].RuntimeSettings[0].Text.Reveal()), &s))
	assert.Equal(t, string(s.RuntimeSettings[0].HandlerSettings.Public), `{"big":12345678901234567890,"text":"<&>"}`)
	assert.Equal(t, s.RuntimeSettings[0].HandlerSettings.Protected.Reveal(), "cHJvdGVjdGVk")
}

func TestReportsHaveTheirBytes(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]any{
		"health-ready": Health{XSI: NamespaceXSI, XSD: NamespaceXSD, Incarnation: "3", Container: HealthContainer{
			ContainerID: "c", Roles: []HealthRole{{InstanceID: "i._1", State: Ready}},
		}},
		"health-notready": Health{Incarnation: "3", Container: HealthContainer{ContainerID: "c", Roles: []HealthRole{
			{InstanceID: "i._1", State: NotReady, Details: &HealthDetails{ProvisioningFailed, "a < b & c > d"}},
		}}},
		"roleproperties": RoleProperties{ContainerID: "c", Instances: []RolePropertyInstance{
			{ID: "i._1", Properties: []RoleProperty{{CertificateThumbprint, "aa:bb"}}},
		}},
		"telemetry": TelemetryData{Version: "1.0", Provider: TelemetryProvider{ID: ProviderAgent, Events: []TelemetryEvent{
			{ID: EventOperation, Params: `<Param Name="Name" Value="a &amp; b" T="mt:wstr" />`},
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := xml.Marshal(doc)
			assert.NilError(t, err)
			golden.Assert(t, string(text), name+".xml")
		})
	}
	text, err := json.Marshal(HealthObservations{API: HealthAPI, Version: HealthVersion, Source: AgentName, Observations: []Observation{
		{Name: ObserveIMDS, IsHealthy: true},
	}})
	assert.NilError(t, err)
	golden.Assert(t, string(text), "healthservice.json")
}

func TestTelemetrySurvivesTheWay(t *testing.T) {
	t.Parallel()
	in := TelemetryData{Version: "1.0", Provider: TelemetryProvider{ID: "p", Events: []TelemetryEvent{{ID: "1", Params: "<Param/>]]>&"}}}}
	text, err := xml.Marshal(in)
	assert.NilError(t, err)
	var out TelemetryData
	assert.NilError(t, xml.Unmarshal(text, &out))
	assert.Equal(t, out.Provider.Events[0].Params, in.Provider.Events[0].Params)
}

// FuzzDocuments decodes foreign bytes as every document. What was understood, written down and read again is the same.
func FuzzDocuments(f *testing.F) {
	for name := range documents() {
		data, err := os.ReadFile(filepath.Join("testdata", name+".xml"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for name, empty := range documents() {
			doc := empty()
			if xml.Unmarshal(data, doc) != nil {
				continue
			}
			written, err := xml.Marshal(doc)
			assert.NilError(t, err, name)
			again := empty()
			assert.NilError(t, xml.Unmarshal(written, again), "%s: %s", name, written)
			rewritten, err := xml.Marshal(again)
			assert.NilError(t, err)
			assert.Equal(t, string(rewritten), string(written), name)
		}
	})
}

func sample(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".xml"))
	assert.NilError(t, err)
	return data
}

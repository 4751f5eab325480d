package documents

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/waagent-go/waagent/agent/protocol/hostga"
	"github.com/waagent-go/waagent/agent/protocol/wireserver"
	"github.com/waagent-go/waagent/fabricsim/goal"
)

func identity() Identity {
	return Identity{
		Name: "web01", ContainerID: "11111111-2222-3333-4444-555555555555", RoleInstance: "aaaa._web01", ConfigName: "dep.0.dep.0._web01.1.xml",
	}
}

// full is a goal state with everything in it.
func full() Goal {
	yes, no := true, false
	return Goal{
		State: goal.State{
			Channel: goal.Fabric, StatusBlob: "BlockBlob", OnHold: true, RequiredFeatures: []string{"MultipleExtensionsPerHandler"},
			ActivityID: "a1a1a1a1-0000-0000-0000-000000000000",
			Families: []goal.Family{
				{Name: "Prod"},
				{
					Name: "Test", Version: "9.9.9.9", FromVersion: "9.9.9.10", IsVersionFromRSM: &yes, IsVMEnabledForRSMUpgrades: &no,
					Packages: []goal.AgentPackage{{Version: "9.9.9.9", Signature: "c2ln"}},
				},
			},
			Extensions: []goal.Extension{
				{
					Name: "Contoso.Alpha", Version: "1.2.3", State: "enabled", Level: 1, DependsOn: []string{"Contoso.Beta"},
					Settings: &goal.Settings{Seq: 7, Public: goal.JSON(`{"z":1,"a":"<&>\""}`), Protected: goal.JSON(`{"k":"v"}`)},
				},
				{
					Name: "Contoso.Multi", Version: "2.0.0", State: "enabled", EncodedSignature: "c2lnbmVk", Configs: []goal.Config{
						{Name: "one", Seq: 1, State: "enabled", Level: 2, Public: goal.JSON(`{"n":1}`)},
						{Name: "two", Seq: 4, State: "disabled"},
					},
				},
				{Name: "Contoso.Gone", Version: "3.0", State: "uninstall"},
			},
			Users: []goal.User{{Name: "jit&1", RawPassword: "cGFzcw==", Expires: time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC), Groups: []string{"Administrators"}}},
		},
		Incarnation: 12, SvdSeqNo: 13, Created: time.Date(2026, 1, 2, 3, 4, 5, 678900, time.UTC), PluginVersion: "1.0.8.177",
		StatusURL:  "https://md-status.blob.fabricsim.test/$system/web01.status?sv=1&sig=x%2F&se=9999&sp=rw",
		ProfileURL: "https://md-status.blob.fabricsim.test/$system/web01.vmSettings?sv=1&sig=y",
		ManifestURLs: func(name string) []string {
			urls := []string{"https://p.blob.fabricsim.test/" + name + ".xml"}
			if name == "Contoso.Multi" {
				urls = append(urls, "https://q.blob.fabricsim.test/m.xml", "https://r.blob.fabricsim.test/m.xml?a=1&b=2")
			}
			return urls
		},
		FamilyURLs: func(name string) []string { return []string{"https://p.blob.fabricsim.test/" + name + ".xml"} },
		Protect: func(v goal.Value) (string, string, error) {
			if v.IsZero() {
				return "", "", nil
			}
			return "ZW5jcnlwdGVk", "ABCDEF", nil
		},
	}
}

func TestDocumentsHaveTheirBytes(t *testing.T) {
	t.Parallel()
	g, bare := full(), full()
	bare.State = goal.State{StatusBlob: "PageBlob", Omit: goal.OmitNames()}
	bare.ProfileURL, bare.StatusURL = "", ""
	must := func(text string, err error) string {
		t.Helper()
		assert.NilError(t, err)
		return text
	}
	encrypt := func(plain []byte) ([]byte, error) { return plain, nil }
	for name, text := range map[string]string{
		"versions.xml":                 Versions(),
		"goalstate.xml":                GoalState(identity(), g, "http://168.63.129.16:80"),
		"goalstate-bare.xml":           GoalState(identity(), bare, "http://168.63.129.16:80"),
		"hostingenvironment.xml":       HostingEnvironment(identity(), g),
		"sharedconfig.xml":             SharedConfig(identity(), g, "10.0.0.4"),
		"extensionsconfig.xml":         must(ExtensionsConfig(g)),
		"extensionsconfig-bare.xml":    must(ExtensionsConfig(bare)),
		"vmsettings.json":              must(VMSettings(identity(), g, "FastTrack")),
		"vmsettings-bare.json":         must(VMSettings(identity(), bare, "Fabric")),
		"certificates.xml":             Certificates(g, []byte(strings.Repeat("message ", 20))),
		"certificates-empty.xml":       Certificates(g, nil),
		"remoteaccess.xml":             must(RemoteAccess(g, g.Created, encrypt)),
		"manifest.xml":                 Manifest([]Package{{"1.2.3", []string{"https://p.blob.fabricsim.test/a.zip", "https://q.blob.fabricsim.test/a.zip?x=1&y=2"}}}),
		"manifest-of-nothing.xml":      Manifest(nil),
		"artifactsprofile.json":        Profile(g.State),
		"error.xml":                    Error("ResourceNotAvailable", "It is <gone>."),
		"remoteaccess-with-secret.xml": must(RemoteAccess(Goal{State: goal.State{Users: []goal.User{{Name: "u", Password: "p\u00e4"}}}}, g.Created, encrypt)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden.Assert(t, text, name)
		})
	}
}

func TestBothChannelsSayTheSame(t *testing.T) {
	t.Parallel()
	g := full()
	text, err := ExtensionsConfig(g)
	assert.NilError(t, err)
	var x wireserver.ExtensionsConfig
	assert.NilError(t, xml.Unmarshal([]byte(text), &x))
	text, err = VMSettings(identity(), g, "FastTrack")
	assert.NilError(t, err)
	var v hostga.VMSettings
	assert.NilError(t, json.Unmarshal([]byte(text), &v))

	assert.Equal(t, x.MetaData.CreatedOnTicks, v.CreatedOnTicks.String())
	assert.Equal(t, x.StatusUploadBlob.URI.Reveal(), v.StatusUploadBlob.URI.Reveal())
	assert.Equal(t, len(x.Plugins), len(v.Extensions))
	for i, p := range x.Plugins {
		e := v.Extensions[i]
		assert.Equal(t, p.Name+p.Version+p.State+p.Location+p.FailoverLocation, e.Name+e.Version+e.State+e.Location+e.FailoverLocation)
		assert.DeepEqual(t, p.AdditionalLocations, e.AdditionalLocations)
		assert.Equal(t, p.EncodedSignature, e.EncodedSignature)
	}
	var s wireserver.SettingsDocument
	assert.NilError(t, json.Unmarshal([]byte(x.PluginSettings[0].RuntimeSettings[0].Text.Reveal()), &s))
	one := s.RuntimeSettings[0].HandlerSettings
	assert.Equal(t, string(one.Public), *v.Extensions[0].Settings[0].Public)
	assert.Equal(t, one.Protected.Reveal(), v.Extensions[0].Settings[0].Protected.Reveal())
	assert.Equal(t, *x.Families[1].IsVersionFromRSM, "true")
	assert.Equal(t, bool(*v.Families[1].IsVersionFromRSM), true)
	assert.Assert(t, x.Families[0].IsVersionFromRSM == nil && v.Families[0].IsVersionFromRSM == nil)
}

func TestRawDocumentsAreServedByteForByte(t *testing.T) {
	t.Parallel()
	g := full()
	g.State.Raw = map[string]string{}
	for _, name := range goal.RawNames() {
		g.State.Raw[name] = "raw " + name
	}
	extensions, err := ExtensionsConfig(g)
	assert.NilError(t, err)
	settings, err := VMSettings(identity(), g, "Fabric")
	assert.NilError(t, err)
	remote, err := RemoteAccess(g, g.Created, nil)
	assert.NilError(t, err)
	assert.DeepEqual(t, []string{
		GoalState(identity(), g, ""), extensions, HostingEnvironment(identity(), g), SharedConfig(identity(), g, ""), remote, settings,
	}, []string{"raw goalState", "raw extensionsConfig", "raw hostingEnvironmentConfig", "raw sharedConfig", "raw remoteAccess", "raw vmSettings"})
}

func TestBase64IsWrapped(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 56, 57, 58, 1000} {
		for _, l := range strings.Split(Wrap(make([]byte, n)), "\n") {
			assert.Assert(t, len(l) <= 76)
		}
	}
}

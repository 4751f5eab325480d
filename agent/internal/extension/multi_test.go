package extension_test

import (
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/status"
)

var multiManifest = manifest(`"supportsMultipleExtensions": "true"`)

// several is a multi-config handler with one extension for each name, number seq.
func several(version string, seq int, names ...string) goalstate.Handler {
	h := wants(version, seq)
	h.MultiConfig, h.Settings = true, nil
	for _, name := range names {
		h.Settings = append(h.Settings, goalstate.Settings{Name: name, Seq: seq, State: goalstate.Enabled})
	}
	return h
}

func multi(more pack) pack {
	p := pack{"HandlerManifest.json": multiManifest}
	for k, v := range more {
		p[k] = v
	}
	return p
}

func TestRow31StringBooleansCount(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", multi(nil))
	w.process(several("1.0.0", 1, "one"))
	assert.Equal(t, w.report().Status, status.Ready)
}

func TestRow32ThreeExtensionsOfOneHandler(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", multi(nil))
	w.process(several("1.0.0", 1, "one", "two", "three"))
	assert.DeepEqual(t, w.calls(), []string{
		"install 1.0.0 one.1", "enable 1.0.0 one.1", "enable 1.0.0 two.1", "enable 1.0.0 three.1",
	})
	all := w.engine.Report()
	assert.Equal(t, len(all), 3)
	for i, name := range []string{"one", "two", "three"} {
		assert.Equal(t, all[i].Status, status.Ready)
		assert.Equal(t, all[i].Extension.Name, name)
		assert.Equal(t, all[i].Extension.Status, status.Success)
		assert.Equal(t, w.read("Contoso.Demo-1.0.0/config/"+name+".HandlerState"), "enabled")
		assert.Assert(t, w.exists("Contoso.Demo-1.0.0/config/"+name+".1.settings"))
	}
}

func TestRow33OneOfSeveralIsDisabled(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", multi(nil))
	w.process(several("1.0.0", 1, "one", "two"))
	w.calls()
	h := several("1.0.0", 1, "one", "two")
	h.Settings[0].State = goalstate.Disabled
	w.process(h)
	assert.DeepEqual(t, w.calls(), []string{"disable 1.0.0 one.1", "enable 1.0.0 two.1"})
	assert.Equal(t, w.report().Extension.Name, "two")
	for _, name := range []string{"config/one.1.settings", "config/one.HandlerState", "status/one.1.status"} {
		assert.Assert(t, !w.exists("Contoso.Demo-1.0.0/"+name), name)
	}
	h.Settings[1].State = goalstate.Disabled
	w.process(h)
	assert.DeepEqual(t, w.calls(), []string{"disable 1.0.0 two.1"})
	got := w.report()
	assert.Assert(t, got.Extension == nil)
	assert.Equal(t, got.Message, "Plugin disabled")
	assert.Equal(t, w.read("Contoso.Demo-1.0.0/config/HandlerState"), "Installed")
}

func TestRow34InstallThatFailsOnceIsTriedForTheNextExtension(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", multi(pack{"install": "[ -e ../once ] && exit 0; touch ../once; exit 4"}))
	w.process(several("1.0.0", 1, "one", "two"))
	assert.DeepEqual(t, w.calls(), []string{"install 1.0.0 one.1", "install 1.0.0 two.1", "enable 1.0.0 two.1"})
	all := w.engine.Report()
	assert.Equal(t, len(all), 2)
	assert.Equal(t, all[0].Status, status.Ready)
	assert.Equal(t, all[0].Extension.Status, status.Error)
	assert.Equal(t, all[0].Extension.Code, 1007)
	assert.Equal(t, all[1].Extension.Status, status.Success)
}

func TestRow35SeveralExtensionsForAPackageThatKnowsOfOne(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(several("1.0.0", 1, "one"))
	got := w.report()
	assert.Equal(t, got.Code, -1)
	assert.Assert(t, cmp.Contains(got.Message, "[ExtensionConfigError]"))
	assert.Assert(t, w.events.has("InvalidExtensionConfig", false))
	assert.Assert(t, cmp.Len(w.calls(), 0))
}

func TestFailedEnableOfOneIsItsOwnStatusNotTheHandlers(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", multi(pack{"enable": `[ $ConfigExtensionName = one ] && exit 3; exit 0`}))
	w.process(several("1.0.0", 1, "one", "two"))
	all := w.engine.Report()
	assert.Equal(t, len(all), 2)
	assert.Equal(t, all[0].Status, status.Ready)
	assert.Equal(t, all[0].Extension.Status, status.Error)
	assert.Equal(t, all[0].Extension.Code, -1)
	assert.Assert(t, cmp.Regexp(`^\[MultiConfigExtensionEnableError\] .*Non-zero exit code: 3`, all[0].Extension.Message))
}

func TestVersionChangeOfSeveralDisablesEachOnceAndUpdatesOnce(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", multi(nil))
	w.shop.sell(contoso, "1.1.0", multi(nil))
	w.process(several("1.0.0", 1, "one", "two"))
	w.calls()
	w.process(several("1.1.0", 2, "one", "two"))
	assert.DeepEqual(t, w.calls(), []string{
		"disable 1.0.0 one.2", "disable 1.0.0 two.2", "update 1.1.0 one.2", "uninstall 1.0.0 one.2",
		"install 1.1.0 one.2", "enable 1.1.0 one.2", "enable 1.1.0 two.2",
	})
	env := w.env("update")
	assert.Equal(t, env["AZURE_GUEST_AGENT_DISABLE_CMD_EXIT_CODES_MULTIPLE_EXTENSIONS"],
		`[{"extensionName": "one", "exitCode": "0"}, {"extensionName": "two", "exitCode": "0"}]`)
	assert.Equal(t, env["ConfigExtensionName"], "one")
}

func TestUninstallOfSeveralDisablesEachFirst(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", multi(nil))
	w.process(several("1.0.0", 1, "one", "two"))
	w.calls()
	w.process(uninstall(several("1.0.0", 1)))
	assert.DeepEqual(t, w.calls(), []string{"disable 1.0.0 one.1", "disable 1.0.0 two.1", "uninstall 1.0.0 0"})
	assert.Equal(t, len(w.engine.Report()), 0)
}

func TestExtensionNameThatIsAPathIsRefused(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", multi(nil))
	w.process(several("1.0.0", 1, "../../evil"))
	assert.Equal(t, w.report().Code, -1)
	assert.Assert(t, cmp.Len(w.calls(), 0))
}

package extension_test

import (
	"errors"
	"os"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/policy"
	"github.com/waagent-go/waagent/agent/internal/status"
)

func TestRow40UnknownRequiredFeatureRefusesTheGoalState(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3))
	w.calls()
	gs := w.wanted()
	gs.ID, gs.RequiredFeatures = "incarnation_2", []string{"MultipleExtensionsPerHandler", "Telepathy"}
	r := w.engine.Process(t.Context(), gs)
	assert.Equal(t, r.GoalState.Status, "Failed")
	assert.Equal(t, r.GoalState.Code, 2001)
	last := w.events.all[len(w.events.all)-1] // the same words are in the log, for tools to find
	assert.Equal(t, last.Operation, "ExtensionProcessing")
	assert.Assert(t, cmp.Regexp(`^ProcessExtensionsGoalState failed \[incarnation_2 \d+ ms\]$`, last.Message))
	assert.Assert(t, cmp.Contains(r.GoalState.Message, "Telepathy"))
	assert.Assert(t, cmp.Len(w.calls(), 0))
	got := w.report()
	assert.Equal(t, got.Name, contoso)
	assert.Equal(t, got.Extension.Seq, 3)
}

func TestRow41GoalStateOnHoldRunsNothing(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	gs := w.wanted(wants("1.0.0", 3))
	gs.OnHold = true
	assert.Assert(t, w.engine.Process(t.Context(), gs).Held)
	assert.Assert(t, cmp.Len(w.calls(), 0))
	assert.Equal(t, len(w.engine.Report()), 0)
	w.process(wants("1.0.0", 3))
	assert.Equal(t, len(w.calls()), 2)
}

func TestRow42ExtensionsAreDisabledByConfiguration(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3))
	w.calls()
	w.options.Disabled = true
	w.restart()
	w.process(wants("1.0.0", 3), uninstall(named(wants("2.0", 0), "Other")))
	assert.Assert(t, cmp.Len(w.calls(), 0))
	all := w.engine.Report()
	assert.Equal(t, all[1].Code, 1009)
	assert.Assert(t, cmp.Contains(all[1].Message, "/etc/waagent.conf"))
	assert.Equal(t, all[1].Extension.Status, status.Error)
	assert.Equal(t, all[1].Extension.Code, 1009)
	assert.Assert(t, cmp.Contains(w.read("Contoso.Demo-1.0.0/status/3.status"), "Extensions.Enabled=y"))
	assert.Equal(t, all[0].Code, 1010)
}

func TestRow43AllowListKeepsOneOutAndWhatDependsOnIt(t *testing.T) {
	w := newWorld(t)
	p, err := policy.Parse([]byte(`{"policyVersion": "0.1.0", "extensionPolicies":
		{"allowListedExtensionsOnly": true, "extensions": {"ALLOWED": {}, "later": {}}}}`))
	assert.NilError(t, err)
	w.options.Policy = func() (*policy.Policy, error) { return p, nil }
	w.restart()
	for _, name := range []string{"Allowed", "Barred", "Later"} {
		w.shop.sell(name, "1.0", pack{})
	}
	w.process(named(wants("1.0", 0), "Allowed"), level(named(wants("1.0", 1), "Barred"), 1), level(named(wants("1.0", 2), "Later"), 2))
	assert.DeepEqual(t, w.calls(), []string{"install 1.0 0", "enable 1.0 0"})
	all := w.engine.Report()
	assert.Equal(t, all[0].Status, status.Ready)
	assert.Equal(t, all[1].Code, 1009)
	assert.Equal(t, all[1].Extension.Status, status.Error)
	assert.Equal(t, all[2].Code, -1)
	assert.Assert(t, w.events.has("ExtensionPolicy", false))
}

func TestUninstallOfABarredHandlerIsRefusedButNotOfOneThatIsNotThere(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3))
	w.calls()
	p, err := policy.Parse([]byte(`{"policyVersion": "0.1", "extensionPolicies": {"allowListedExtensionsOnly": true}}`))
	assert.NilError(t, err)
	w.options.Policy = func() (*policy.Policy, error) { return p, nil }
	w.restart()
	w.process(uninstall(wants("1.0.0", 3)), uninstall(named(wants("1.0", 3), "Other")))
	assert.Assert(t, cmp.Len(w.calls(), 0))
	assert.Equal(t, w.report().Code, 1010)
}

func TestRow44UnusablePolicyBlocksEverything(t *testing.T) {
	w := newWorld(t)
	w.options.Policy = func() (*policy.Policy, error) { return nil, errors.New("policy: unknown key") }
	w.restart()
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3))
	assert.Assert(t, cmp.Len(w.calls(), 0))
	got := w.report()
	assert.Equal(t, got.Code, 1009)
	assert.Assert(t, cmp.Contains(got.Message, "policy: unknown key"))
}

func TestHandlerWithAnInvalidPartOfTheGoalStateFailsAlone(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.shop.sell("Other", "1.0", pack{})
	bad := named(wants("1.0", 1), "Other")
	bad.Invalid = "the settings have another version"
	w.process(wants("1.0.0", 3), bad)
	assert.Equal(t, len(w.calls()), 2)
	got := w.engine.Report()[1]
	assert.Equal(t, got.Code, -1)
	assert.Equal(t, got.Message, "[ExtensionConfigError] the settings have another version")
}

func TestManifestThatCannotBeHadIsReportedEvenIfTheVersionIsThere(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3))
	w.shop.down = errors.New("503")
	w.process(wants("1.0.0", 3))
	got := w.report()
	assert.Equal(t, got.Status, status.NotReady)
	assert.Equal(t, got.Code, -1)
}

func TestOutdatedGoalStateIsReportedOnAndNotRun(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3))
	w.calls()
	gs := w.wanted(wants("1.0.0", 3))
	gs.ID, gs.Outdated = "incarnation_9", true
	assert.NilError(t, w.engine.Process(t.Context(), gs).Err)
	assert.Assert(t, cmp.Len(w.calls(), 0))
	assert.Equal(t, w.report().Extension.Status, status.Success)
}

func TestPackageWithoutManifest(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{"HandlerManifest.json": "{"})
	w.process(wants("1.0.0", 3))
	assert.Equal(t, w.report().Code, 1003)
	w.shop.sell(contoso, "1.1.0", pack{"HandlerManifest.json": `[{"handlerManifest": null}]`})
	w.process(wants("1.1.0", 3))
	assert.Equal(t, w.report().Code, -1)
	w.shop.sell(contoso, "1.2.0", pack{"HandlerManifest.json": `[{"handlerManifest": {"enableCommand": "x"}}]`})
	w.process(wants("1.2.0", 3))
	assert.Equal(t, w.report().Message, "[ExtensionError] installCommand")
}

func TestManifestDeepInThePackageIsFoundAndFreedOfItsMark(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{"HandlerManifest.json": "\ufeff" + manifest()})
	w.process(wants("1.0.0", 3))
	assert.Equal(t, w.read("Contoso.Demo-1.0.0/HandlerManifest.json"), manifest())
	assert.Equal(t, w.report().Status, status.Ready)
}

func TestDisabledHandlerOfOldGoalStates(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3))
	w.calls()
	h := wants("1.0.0", 3)
	h.State = goalstate.Disabled
	w.process(h)
	assert.DeepEqual(t, w.calls(), []string{"disable 1.0.0 3"})
	assert.Equal(t, w.report().Message, "Plugin disabled")
	assert.Assert(t, w.events.has("RequestedStateDisabled", true))
	w.process(h)
	assert.Assert(t, cmp.Len(w.calls(), 0))
	_, err := os.Stat(w.lib("Contoso.Demo-1.0.0"))
	assert.NilError(t, err)
}

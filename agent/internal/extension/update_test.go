package extension_test

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/agent/internal/status"
)

// updated is a world with version 1.0.0 enabled and 1.1.0 on offer.
func updated(t *testing.T, old, next pack) *world {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", old)
	w.shop.sell(contoso, "1.1.0", next)
	w.process(wants("1.0.0", 3))
	w.calls()
	return w
}

func TestRow12UpdateRunsInTheContractsOrder(t *testing.T) {
	w := updated(t, pack{}, pack{})
	old := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	assert.NilError(t, os.WriteFile(w.lib("Contoso.Demo-1.0.0/mrseq"), []byte("3"), 0o600))
	assert.NilError(t, os.Chtimes(w.lib("Contoso.Demo-1.0.0/mrseq"), old, old))
	w.process(wants("1.1.0", 4))
	assert.DeepEqual(t, w.calls(), []string{
		"disable 1.0.0 4", "update 1.1.0 4", "uninstall 1.0.0 4", "install 1.1.0 4", "enable 1.1.0 4",
	})
	env := w.env("update")
	assert.Equal(t, env["VERSION"], "1.1.0")
	assert.Equal(t, env["AZURE_GUEST_AGENT_UPDATING_FROM_VERSION"], "1.0.0")
	assert.Equal(t, env["AZURE_GUEST_AGENT_DISABLE_CMD_EXIT_CODE"], "0")
	assert.Equal(t, w.env("disable")["AZURE_GUEST_AGENT_EXTENSION_PATH"], w.lib("Contoso.Demo-1.0.0"))
	assert.Equal(t, w.env("install")["AZURE_GUEST_AGENT_UNINSTALL_CMD_EXIT_CODE"], "0")
	assert.Equal(t, w.env("enable")["AZURE_GUEST_AGENT_UNINSTALL_CMD_EXIT_CODE"], "0")
	assert.Assert(t, !w.exists("Contoso.Demo-1.0.0"))
	assert.Assert(t, w.exists("Contoso.Demo-1.1.0/status/3.status"))
	info, err := os.Stat(w.lib("Contoso.Demo-1.1.0/mrseq"))
	assert.NilError(t, err)
	assert.Assert(t, info.ModTime().Equal(old))
	assert.Equal(t, w.report().Version, "1.1.0")
	assert.Equal(t, w.report().Status, status.Ready)
}

func TestRow13UpdateWithoutInstall(t *testing.T) {
	w := updated(t, pack{}, pack{"HandlerManifest.json": manifest(`"updateMode": "UpdateWithoutInstall"`)})
	w.process(wants("1.1.0", 4))
	assert.DeepEqual(t, w.calls(), []string{"disable 1.0.0 4", "update 1.1.0 4", "uninstall 1.0.0 4", "enable 1.1.0 4"})
	assert.Equal(t, w.report().Status, status.Ready)
}

func TestRow14DowngradeCallsTheOldUpdateWithTheRealVersions(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.shop.sell(contoso, "1.1.0", pack{})
	w.process(wants("1.1.0", 3))
	w.calls()
	w.process(wants("1.0.0", 4))
	assert.DeepEqual(t, w.calls(), []string{
		"disable 1.1.0 4", "update 1.1.0 4", "uninstall 1.1.0 4", "install 1.0.0 4", "enable 1.0.0 4",
	})
	assert.Equal(t, w.env("update")["VERSION"], "1.0.0")
	assert.Equal(t, w.env("update")["AZURE_GUEST_AGENT_UPDATING_FROM_VERSION"], "1.1.0")
	assert.Assert(t, !w.exists("Contoso.Demo-1.1.0"))
	assert.Equal(t, w.report().Version, "1.0.0")
}

func TestRow15OldDisableFailsAndTheUpdateStops(t *testing.T) {
	w := updated(t, pack{"disable": "exit 5"}, pack{})
	w.process(wants("1.1.0", 4))
	assert.DeepEqual(t, w.calls(), []string{"disable 1.0.0 4"})
	got := w.report()
	assert.Equal(t, got.Version, "1.1.0")
	assert.Equal(t, got.Code, 1008)
	assert.Assert(t, cmp.Regexp(`(?s)^\[ExtensionUpdateError\] .*Non-zero exit code: 5.*; ContinueOnUpdate: False$`, got.Message))
	assert.Equal(t, w.read("Contoso.Demo-1.0.0/config/HandlerState"), "Enabled")
	assert.Equal(t, w.read("Contoso.Demo-1.1.0/config/HandlerState"), "NotInstalled")
	served := len(w.shop.served)
	w.process(wants("1.1.0", 4))
	assert.DeepEqual(t, w.calls(), []string{"disable 1.0.0 4"})
	assert.Equal(t, len(w.shop.served), served+1)
}

func TestRow16OldDisableFailsAndTheNewPackageGoesOn(t *testing.T) {
	w := updated(t, pack{"disable": "exit 5"}, pack{"HandlerManifest.json": manifest(`"continueOnUpdateFailure": true`)})
	w.process(wants("1.1.0", 4))
	assert.Equal(t, len(w.calls()), 5)
	assert.Equal(t, w.env("update")["AZURE_GUEST_AGENT_DISABLE_CMD_EXIT_CODE"], "5")
	assert.Equal(t, w.report().Status, status.Ready)
}

func TestRow17OldUninstallFailsAndItsCodeIsPassedOn(t *testing.T) {
	w := updated(t, pack{"uninstall": "exit 9"}, pack{"HandlerManifest.json": manifest(`"continueOnUpdateFailure": "True"`)})
	w.process(wants("1.1.0", 4))
	assert.Equal(t, w.env("install")["AZURE_GUEST_AGENT_UNINSTALL_CMD_EXIT_CODE"], "9")
	assert.Equal(t, w.env("enable")["AZURE_GUEST_AGENT_UNINSTALL_CMD_EXIT_CODE"], "9")
	assert.Equal(t, w.report().Status, status.Ready)
	assert.Assert(t, !w.exists("Contoso.Demo-1.0.0"))
}

func TestRow18FailedUpdateIsTriedAgainWithoutDisable(t *testing.T) {
	w := updated(t, pack{}, pack{"update": "exit 6"})
	w.process(wants("1.1.0", 4))
	assert.DeepEqual(t, w.calls(), []string{"disable 1.0.0 4", "update 1.1.0 4"})
	assert.Equal(t, w.report().Code, 1008)
	assert.Equal(t, w.read("Contoso.Demo-1.1.0/config/HandlerState"), "FailedUpgrade")
	assert.Equal(t, w.read("Contoso.Demo-1.0.0/config/HandlerState"), "Installed")
	w.process(wants("1.1.0", 4))
	assert.DeepEqual(t, w.calls(), []string{"update 1.1.0 4"})
	assert.Equal(t, w.env("update")["AZURE_GUEST_AGENT_DISABLE_CMD_EXIT_CODE"], "None")
}

func TestFailedUpdateOfADowngradeLeavesNothingInstalled(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.shop.sell(contoso, "1.1.0", pack{"update": "exit 6"})
	w.process(wants("1.1.0", 3))
	w.process(wants("1.0.0", 4))
	assert.Equal(t, w.read("Contoso.Demo-1.1.0/config/HandlerState"), "FailedUpgrade")
	assert.Equal(t, w.read("Contoso.Demo-1.0.0/config/HandlerState"), "NotInstalled")
	assert.Equal(t, w.report().Code, 1008)
	w.calls()
	w.process(wants("1.0.0", 4))
	assert.DeepEqual(t, w.calls(), []string{"install 1.0.0 4", "enable 1.0.0 4"})
}

func TestRow19VersionThatWasNeverEnabledIsNotDisabled(t *testing.T) {
	w := updated(t, pack{"enable": "exit 3"}, pack{})
	w.process(wants("1.1.0", 4))
	assert.DeepEqual(t, w.calls(), []string{"update 1.1.0 4", "uninstall 1.0.0 4", "install 1.1.0 4", "enable 1.1.0 4"})
}

func TestOldVersionWithoutSettingsIsDisabledAsAHandler(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.shop.sell(contoso, "1.1.0", pack{})
	h := wants("1.0.0", 0)
	h.Settings = nil
	w.process(h)
	w.calls()
	w.process(wants("1.1.0", 4))
	assert.Equal(t, w.calls()[0], "disable 1.0.0 0")
}

func TestStatusOfTheOldVersionsDisableIsNotTakenForTheNewOnes(t *testing.T) {
	lie := `echo '[{"status": {"status": "success", "code": 0, "formattedMessage": {"lang": "en", "message": "Disable"}}}]' ` +
		`>"status/$ConfigSequenceNumber.status"; exit 0`
	w := updated(t, pack{"disable": lie}, pack{"install": "until [ -e ../go ]; do sleep 0.02; done; exit 0"})
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.process(wants("1.1.0", 4))
	}()
	await(t, w.lib("Contoso.Demo-1.1.0/status/4.status"))
	got := w.report()
	assert.Equal(t, got.Extension.Status, status.Transitioning)
	assert.Equal(t, got.Extension.Seq, 4)
	assert.NilError(t, os.WriteFile(w.lib("go"), nil, 0o600))
	<-done
	assert.Equal(t, w.report().Extension.Message, "ok")
}

// await returns once there is a file.
func await(t *testing.T, path string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 4000 {
		if _, err := os.Stat(path); err == nil {
			return
		}
		<-tick.C
	}
	t.Fatalf("%s never appeared", path)
}

func TestRow20UninstallDisablesUninstallsAndVanishes(t *testing.T) {
	w := updated(t, pack{}, pack{})
	w.process(uninstall(wants("1.0.0", 3)))
	assert.DeepEqual(t, w.calls(), []string{"disable 1.0.0 0", "uninstall 1.0.0 0"})
	assert.Equal(t, len(w.engine.Report()), 0)
	assert.Assert(t, !w.exists("Contoso.Demo-1.0.0"))
	assert.Assert(t, !w.exists("state/commands/Contoso.Demo"))
}

func TestRow21FailedUninstallRemovesAllTheSame(t *testing.T) {
	w := updated(t, pack{"uninstall": "exit 1"}, pack{})
	w.process(uninstall(wants("1.0.0", 3)))
	assert.Equal(t, len(w.engine.Report()), 0)
	assert.Assert(t, !w.exists("Contoso.Demo-1.0.0"))
	assert.Assert(t, w.events.has("UnInstall", false))
}

func TestRow22FailedDisableKeepsTheHandler(t *testing.T) {
	w := updated(t, pack{"disable": "exit 1"}, pack{})
	w.process(uninstall(wants("1.0.0", 3)))
	assert.DeepEqual(t, w.calls(), []string{"disable 1.0.0 0"})
	assert.Equal(t, w.report().Code, 1010)
	assert.Assert(t, w.exists("Contoso.Demo-1.0.0/bin/shim"))
}

func TestRow23HandlerMissingFromTheGoalStateIsRemovedWithAWord(t *testing.T) {
	w := updated(t, pack{}, pack{})
	assert.NilError(t, os.MkdirAll(w.lib("foo-12/config"), 0o755))
	w.shop.sell("Other", "2.0", pack{})
	var log bytes.Buffer
	w.options.Log = slog.New(slog.NewTextHandler(&log, nil))
	w.restart()
	w.process(named(wants("2.0", 1), "Other"))
	assert.DeepEqual(t, w.calls(), []string{"install 2.0 1", "enable 2.0 1"})
	assert.Assert(t, !w.exists("Contoso.Demo-1.0.0"))
	assert.Assert(t, w.exists("foo-12"))
	const word = "Contoso.Demo-1.0.0 is not in the goal state any more and is removed without being uninstalled"
	assert.Equal(t, strings.Count(log.String(), `level=INFO msg="`+word), 1, log.String())
	assert.Equal(t, strings.Count(log.String(), word), 1)
	told := 0
	for _, ev := range w.events.all {
		if ev.Message == word {
			assert.Assert(t, ev.Operation == "UnInstall" && ev.Success && ev.Name == contoso && ev.Version == "1.0.0", "%+v", ev)
			told++
		}
	}
	assert.Equal(t, told, 1)
}

func TestRow24VersionThatIsNotOnOffer(t *testing.T) {
	w := updated(t, pack{}, pack{})
	w.process(wants("3.0.0", 4))
	got := w.report()
	assert.Equal(t, got.Version, "3.0.0")
	assert.Equal(t, got.Code, -1)
	assert.Equal(t, got.Message, "[ExtensionDownloadError] Unable to find version 3.0.0 in manifest for extension Contoso.Demo")
	assert.Assert(t, got.Extension == nil)
}

func TestRow25UninstallOfAVersionThatIsNotOnOfferAnyMore(t *testing.T) {
	w := updated(t, pack{}, pack{})
	w.shop.versions[contoso] = []string{"9.9.9"}
	w.process(uninstall(wants("1.0.0", 3)))
	assert.Assert(t, !w.exists("Contoso.Demo-1.0.0"))
}

func TestRow26HighestVersionWithTheWantedPrefixIsChosen(t *testing.T) {
	w := newWorld(t)
	for _, v := range []string{"1.2.0", "1.2.3", "1.3.0"} {
		w.shop.sell(contoso, v, pack{})
	}
	w.process(wants("1.2", 0))
	assert.Equal(t, w.report().Version, "1.2.3")
	assert.Assert(t, w.events.has("RequestedVersionMismatch", true))
}

func TestRow27CorruptPackageAtTheFirstPlace(t *testing.T) {
	w := newWorld(t)
	good := pack{}.zip()
	w.shop.sellBytes(contoso, "1.0.0", append(pack{"stale": "x"}.zip()[:300], "garbage"...), good)
	w.process(wants("1.0.0", 0))
	assert.Equal(t, w.report().Status, status.Ready)
	assert.Assert(t, !w.exists("Contoso.Demo-1.0.0/stale"))
	assert.Equal(t, len(w.shop.served), 2)
}

func TestAPackageThatIsNoZipIsReported(t *testing.T) {
	w := newWorld(t)
	w.shop.sellBytes(contoso, "1.0.0", []byte("<html>"))
	w.process(wants("1.0.0", 0))
	got := w.report()
	assert.Equal(t, got.Code, 1001)
	assert.Assert(t, cmp.Contains(got.Message, "not a valid zip file"))
}

func TestRow30PackageThatTheImageBroughtIsNotDownloaded(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	assert.NilError(t, os.WriteFile(w.lib("Contoso.Demo__1.0.0.zip"), pack{}.zip(), 0o600))
	w.process(wants("1.0.0", 0))
	assert.Equal(t, w.report().Status, status.Ready)
	assert.Equal(t, len(w.shop.served), 0)
	assert.Assert(t, w.exists("Contoso.Demo__1.0.0.zip"))
	w.process(uninstall(wants("1.0.0", 0)))
	assert.Assert(t, !w.exists("Contoso.Demo__1.0.0.zip"))
}

func TestABrokenPackageThatTheImageBroughtIsDownloadedInstead(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	assert.NilError(t, os.WriteFile(w.lib("Contoso.Demo__1.0.0.zip"), []byte("PK"), 0o600))
	w.process(wants("1.0.0", 0))
	assert.Equal(t, w.report().Status, status.Ready)
	assert.Equal(t, len(w.shop.served), 1)
	assert.Assert(t, !w.exists("Contoso.Demo__1.0.0.zip"))
}

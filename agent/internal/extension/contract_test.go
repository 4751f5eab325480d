package extension_test

import (
	"archive/zip"
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/agent/internal/goalstate"
	"github.com/waagent-go/waagent/agent/internal/status"
	"github.com/waagent-go/waagent/agent/machine"
)

func TestCommandsAreShellLinesThatRunInTheHandlersFolder(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{
		"HandlerManifest.json": strings.Replace(manifest(), `"bin/shim enable"`, `"/bin/shim enable 'two words' && touch after"`, 1),
		"bin/shim":             "#!/bin/sh\npwd -P >\"cwd.$1\"; echo \"$2\" >>second\n",
	})
	w.process(wants("1.0.0", 3))
	assert.Equal(t, w.report().Status, status.Ready)
	for _, command := range []string{"install", "enable"} {
		assert.Equal(t, w.read("Contoso.Demo-1.0.0/cwd."+command), w.lib("Contoso.Demo-1.0.0")+"\n")
	}
	assert.Equal(t, w.read("Contoso.Demo-1.0.0/second"), "\ntwo words\n")
	assert.Assert(t, w.exists("Contoso.Demo-1.0.0/after"))
}

// zipped is a package with nothing in it but these files: name, content, name, content and so on.
func zipped(t *testing.T, files ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for i := 0; i < len(files); i += 2 {
		f, err := z.Create(files[i])
		assert.NilError(t, err)
		_, err = f.Write([]byte(files[i+1]))
		assert.NilError(t, err)
	}
	assert.NilError(t, z.Close())
	return out.Bytes()
}

func TestManifestThatIsNowhereInThePackage(t *testing.T) {
	w := newWorld(t)
	w.shop.sellBytes(contoso, "1.0.0", zipped(t, "bin/shim", shim))
	w.process(wants("1.0.0", 3))
	assert.Equal(t, w.report().Code, -1)
	assert.Equal(t, w.report().Message, "[ExtensionDownloadError] HandlerManifest.json is not in the package")
	assert.Assert(t, w.events.has("Download", false))
}

func TestManifestInAFolderIsPlacedAtTheTop(t *testing.T) {
	w := newWorld(t)
	w.shop.sellBytes(contoso, "1.0.0", zipped(t, "bin/shim", shim, "a/b/HandlerManifest.json", manifest()))
	w.process(wants("1.0.0", 3))
	assert.Equal(t, w.report().Status, status.Ready)
	assert.Equal(t, w.read("Contoso.Demo-1.0.0/HandlerManifest.json"), manifest())
}

func TestManifestThatIsGoneFromTheDisk(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3))
	assert.NilError(t, os.Remove(w.lib("Contoso.Demo-1.0.0/HandlerManifest.json")))
	w.process(wants("1.0.0", 4))
	assert.Equal(t, w.report().Code, 1002)
}

// TestFilesThatWereThereBeforeThePackageMayBeExecuted too: an image's builder may have unpacked some of them.
func TestFilesThatWereThereBeforeThePackageMayBeExecuted(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	assert.NilError(t, os.MkdirAll(w.lib("Contoso.Demo-1.0.0/tools"), 0o755))
	assert.NilError(t, os.WriteFile(w.lib("Contoso.Demo-1.0.0/tools/x"), nil, 0o640))
	w.process(wants("1.0.0", 3))
	info, err := os.Stat(w.lib("Contoso.Demo-1.0.0/tools/x"))
	assert.NilError(t, err)
	assert.Equal(t, info.Mode().Perm(), os.FileMode(0o740))
}

// endless has every disable run out of time.
type endless struct{ machineOfWorld }

func (m endless) RunHandler(ctx context.Context, c machine.HandlerCommand) (machine.CommandEnd, error) {
	if strings.HasSuffix(c.Line, " disable") {
		return machine.CommandEnd{ExitCode: -9, TimedOut: true}, nil
	}
	return m.machineOfWorld.RunHandler(ctx, c)
}

func TestAnUpdateIsToldHowTheOldDisableEnded(t *testing.T) {
	goesOn := pack{"HandlerManifest.json": manifest(`"continueOnUpdateFailure": true`)}
	for name, c := range map[string]struct {
		old     pack
		endless bool
		want    string
	}{
		"out of time": {pack{}, true, "1011"}, "failed": {pack{"disable": "exit 7"}, false, "7"}, "well": {pack{}, false, "0"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if c.endless {
				w.options.Machine = endless{w.options.Machine}
				w.restart()
			}
			w.shop.sell(contoso, "1.0.0", c.old)
			w.shop.sell(contoso, "1.1.0", goesOn)
			w.process(wants("1.0.0", 3))
			w.process(wants("1.1.0", 4))
			assert.Equal(t, w.env("update")["AZURE_GUEST_AGENT_DISABLE_CMD_EXIT_CODE"], c.want)
			assert.Equal(t, w.report().Status, status.Ready)
		})
	}
}

func TestASignatureInTheOutputOfACommandIsNotReported(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{"enable": "echo 'no https://x.blob.core.windows.net/c/b?sv=1&sig=SECRET today'; exit 1"})
	w.process(wants("1.0.0", 3))
	assert.Assert(t, cmp.Contains(w.report().Message, "no https://x.blob.core.windows.net/c/b?"))
	assert.Assert(t, !strings.Contains(w.report().Message, "SECRET"))
	assert.Assert(t, !strings.Contains(w.read("Contoso.Demo-1.0.0/config/HandlerStatus"), "SECRET"))
}

// TestAFolderThatCannotBePreparedIsBegunAfresh has a folder that is a link to itself, which is an error of the disk.
func TestAFolderThatCannotBePreparedIsBegunAfresh(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	assert.NilError(t, os.MkdirAll(w.lib("Contoso.Demo-1.0.0"), 0o755))
	assert.NilError(t, os.Symlink("status", w.lib("Contoso.Demo-1.0.0/status")))
	w.process(wants("1.0.0", 3))
	assert.Equal(t, w.report().Status, status.NotReady)
	assert.Assert(t, !w.exists("Contoso.Demo-1.0.0/bin"), w.report().Message)
	w.process(wants("1.0.0", 3))
	assert.Equal(t, w.report().Status, status.Ready)
}

func TestStatusThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{"enable": "mkdir status/3.status; exit 0"})
	w.process(wants("1.0.0", 3))
	got := w.report().Extension
	assert.Equal(t, got.Status, status.Error)
	assert.Equal(t, got.Code, -1)
	assert.Assert(t, cmp.Contains(got.Message, "read 3.status: "))
}

func TestOneOfSeveralThatCannotBeDisabledIsForgottenAllTheSame(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", multi(pack{"disable": "exit 1"}))
	w.process(several("1.0.0", 1, "one", "two"))
	w.calls()
	h := several("1.0.0", 1, "one", "two")
	h.Settings[0].State = goalstate.Disabled
	w.process(h)
	assert.DeepEqual(t, w.calls(), []string{"disable 1.0.0 one.1", "enable 1.0.0 two.1"})
	assert.Equal(t, w.report().Extension.Name, "two")
	assert.Assert(t, !w.exists("Contoso.Demo-1.0.0/config/one.HandlerState"))
	assert.Assert(t, w.events.has("Disable", false))
}

func TestVersionChangeDisablesAnExtensionThatTheGoalStateForgot(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", multi(nil))
	w.shop.sell(contoso, "1.1.0", multi(nil))
	w.process(several("1.0.0", 1, "one", "two"))
	w.calls()
	w.process(several("1.1.0", 2, "one"))
	assert.DeepEqual(t, w.calls(), []string{
		"disable 1.0.0 one.2", "disable 1.0.0 two.1", "update 1.1.0 one.2", "uninstall 1.0.0 one.2",
		"install 1.1.0 one.2", "enable 1.1.0 one.2",
	})
}

func TestRow24VersionThatIsNotOnOfferForSeveral(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", multi(nil))
	w.process(several("3.0.0", 1, "one", "two"))
	all := w.engine.Report()
	assert.Equal(t, len(all), 2)
	for i, name := range []string{"one", "two"} {
		assert.Equal(t, all[i].Version, "3.0.0")
		assert.Equal(t, all[i].Code, -1)
		assert.Equal(t, all[i].Extension.Name, name)
		assert.Equal(t, all[i].Extension.Status, status.Error)
		assert.Assert(t, cmp.Contains(all[i].Extension.Message, "Unable to find version 3.0.0"))
	}
}

func TestReportBeforeTheFirstGoalStateNamesEachOfSeveral(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", multi(nil))
	w.process(several("1.0.0", 1, "one", "two"))
	before := w.engine.Report()
	assert.Equal(t, len(before), 2)
	w.restart()
	assert.DeepEqual(t, w.engine.Report(), before)
}

func TestKnownFeaturesMayBeRequired(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	gs := w.wanted(wants("1.0.0", 3))
	gs.RequiredFeatures = []string{"VersioningGovernance", "MultipleExtensionsPerHandler"}
	assert.Equal(t, w.engine.Process(t.Context(), gs).GoalState.Status, "Success")
	assert.Equal(t, len(w.calls()), 2)
}

func TestManifestsOfAllHandlersAreSavedAlsoOfThoseThatGo(t *testing.T) {
	w := newWorld(t)
	saved := map[string]string{}
	w.options.Save = func(name string, data []byte) { saved[name] = string(data) }
	w.restart()
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3), uninstall(named(wants("1.0.0", 3), "Other")))
	assert.DeepEqual(t, saved, map[string]string{"Contoso.Demo.manifest.xml": "<manifest/>", "Other.manifest.xml": "<manifest/>"})
}

func TestSeveralExtensionsForAnInstalledPackageThatKnowsOfOne(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3))
	w.calls()
	w.process(several("1.0.0", 4, "one"))
	assert.Assert(t, cmp.Len(w.calls(), 0))
	assert.Equal(t, w.report().Code, -1)
	assert.Assert(t, cmp.Contains(w.report().Message, "[ExtensionConfigError]"))
}

func TestAHeartbeatDoesNotHideThatItsHandlerIsBarred(t *testing.T) {
	w := newWorld(t)
	beat := `[{"heartbeat": {"status": "Ready", "formattedMessage": {"lang": "en", "message": "fine"}}}]`
	w.shop.sell(contoso, "1.0.0", pack{"HandlerManifest.json": manifest(`"reportHeartbeat": true`), "heartbeat.log": beat})
	w.process(wants("1.0.0", 3))
	assert.Equal(t, w.report().Message, "fine")
	w.options.Disabled = true
	w.restart()
	w.process(wants("1.0.0", 3))
	assert.Equal(t, w.report().Status, status.NotReady)
	assert.Assert(t, cmp.Regexp(`Extensions.Enabled=y in .*; fine$`, w.report().Message))
}

func TestAFolderAmongTheStatusFilesStopsNoUpdate(t *testing.T) {
	w := updated(t, pack{"disable": "mkdir -p status/3.status.d; exit 0"}, pack{})
	w.process(wants("1.1.0", 4))
	assert.Equal(t, w.report().Status, status.Ready)
	assert.Assert(t, w.exists("Contoso.Demo-1.1.0/status/3.status"))
	assert.Assert(t, !w.exists("Contoso.Demo-1.1.0/status/3.status.d"))
}

func TestABarredRemovalKeepsTheExtensionsOwnStatus(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3))
	own := w.read("Contoso.Demo-1.0.0/status/3.status")
	w.options.Disabled = true
	w.restart()
	h := wants("1.0.0", 3)
	h.State = goalstate.Uninstall
	w.process(h)
	assert.Equal(t, w.report().Code, 1010)
	assert.Equal(t, w.read("Contoso.Demo-1.0.0/status/3.status"), own)
}

func TestOnlyAGoalStateThatWillRunIsAnnounced(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3))
	next := w.wanted(wants("1.0.0", 4))
	for name, change := range map[string]func(*goalstate.Wanted){
		"outdated":    func(gs *goalstate.Wanted) { gs.Outdated = true },
		"on hold":     func(gs *goalstate.Wanted) { gs.OnHold = true },
		"unsupported": func(gs *goalstate.Wanted) { gs.RequiredFeatures = []string{"Telepathy"} },
	} {
		gs := next
		change(&gs)
		w.engine.Announce(gs)
		assert.Equal(t, w.report().Extension.Seq, 3, name)
	}
	w.engine.Announce(next)
	assert.Equal(t, w.report().Extension.Seq, 4)
	assert.Equal(t, w.report().Extension.Status, status.Transitioning)
}

func TestRow41HoldCountsForNothingWithoutOverProvisioning(t *testing.T) {
	w := newWorld(t)
	w.options.IgnoreHold = true
	w.restart()
	w.shop.sell(contoso, "1.0.0", pack{})
	gs := w.wanted(wants("1.0.0", 3))
	gs.OnHold = true
	assert.Assert(t, !w.engine.Process(t.Context(), gs).Held)
	assert.Equal(t, len(w.calls()), 2)
}

func TestTheFabricIsToldWhichExtensionsAreSigned(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(uninstall(bearing("good")))
	assert.Assert(t, !w.events.has("ExtensionSigned", true) && !w.events.has("ExtensionSigned", false))
	w.process(bearing("good"))
	assert.Assert(t, w.events.has("ExtensionSigned", true) && !w.events.has("ExtensionSigned", false))
	w.process(bearing(""))
	assert.Assert(t, w.events.has("ExtensionSigned", false))
}

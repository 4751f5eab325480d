package extension_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/agent/internal/event"
	"github.com/waagent-go/waagent/agent/internal/status"
	"github.com/waagent-go/waagent/agent/machine"
	"github.com/waagent-go/waagent/agent/protocol/secret"
)

func TestRow01NewHandlerIsInstalledEnabledAndReported(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	r := w.process(wants("1.0.0", 3))
	assert.Equal(t, r.GoalState.Status, "Success")
	assert.DeepEqual(t, w.calls(), []string{"install 1.0.0 3", "enable 1.0.0 3"})
	got := w.report()
	assert.Equal(t, got.Status, status.Ready)
	assert.Equal(t, got.Code, 0)
	assert.Equal(t, got.Message, "Plugin enabled")
	assert.Equal(t, got.Extension.Seq, 3)
	assert.Equal(t, got.Extension.Status, status.Success)
	assert.Equal(t, got.Extension.Message, "ok")
	assert.Equal(t, w.read("Contoso.Demo-1.0.0/config/HandlerState"), "Enabled")
	assert.Assert(t, !w.exists("Contoso.Demo__1.0.0.zip"))
	assert.Assert(t, !w.exists("state/commands/Contoso.Demo"))
}

func TestCommandsGetTheContractsEnvironment(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3))
	want := map[string]string{
		"AZURE_GUEST_AGENT_EXTENSION_PATH":               w.lib("Contoso.Demo-1.0.0"),
		"AZURE_GUEST_AGENT_EXTENSION_VERSION":            "1.0.0",
		"AZURE_GUEST_AGENT_WIRE_PROTOCOL_ADDRESS":        "168.63.129.16",
		"AZURE_GUEST_AGENT_EXTENSION_SUPPORTED_FEATURES": `[{"Key": "ExtensionTelemetryPipeline", "Value": "1.0"}]`,
		"AZURE_GUEST_AGENT_UNINSTALL_CMD_EXIT_CODE":      "NOT_RUN",
		"ConfigSequenceNumber":                           "3",
	}
	assert.DeepEqual(t, w.env("install"), want)
	assert.DeepEqual(t, w.env("enable"), want)
}

func TestFilesAreSpelledAsShellShimsParseThem(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	h := wants("1.0.0", 3)
	h.Settings[0].Public = json.RawMessage(`{"z":12345678901234567890,"a":"<é>","b":[1.0,null]}`)
	w.process(h)
	base := w.lib("Contoso.Demo-1.0.0")
	logs := w.root + "/var/log/azure/Contoso.Demo"
	assert.Equal(t, w.read("Contoso.Demo-1.0.0/HandlerEnvironment.json"), fmt.Sprintf(
		`[{"name": "Contoso.Demo", "version": 1.0, "handlerEnvironment": {"logFolder": "%s", "configFolder": "%s/config", `+
			`"statusFolder": "%s/status", "heartbeatFile": "%s/heartbeat.log", "eventsFolder": "%s/events", `+
			`"eventsFolder_preview": "%s/events"}}]`, logs, base, base, base, logs, logs))
	assert.Equal(t, w.read("Contoso.Demo-1.0.0/config/3.settings"),
		`{"runtimeSettings": [{"handlerSettings": {"publicSettings": {"z": 12345678901234567890, "a": "<\u00e9>", `+
			`"b": [1.0, null]}, "protectedSettings": null, "protectedSettingsCertThumbprint": null}}]}`)
	assert.Equal(t, w.read("Contoso.Demo-1.0.0/config/HandlerStatus"),
		`{"name": "Contoso.Demo", "version": "1.0.0", "status": "Ready", "code": 0, "message": "Plugin enabled", `+
			`"supports_multi_config": false, "extension_status": null, "signature_validated": false}`)
}

func TestFoldersHaveTheContractsModes(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{"data": "x"})
	w.process(wants("1.0.0", 3))
	for name, mode := range map[string]os.FileMode{
		"": 0o755, "/config": 0o700, "/status": 0o700, "/bin/shim": 0o744, "/data": 0o744, "/HandlerManifest.json": 0o744,
		"/../../../log/azure/Contoso.Demo": 0o755, "/../../../log/azure/Contoso.Demo/events": 0o700, "/../state": 0o700,
	} {
		info, err := os.Stat(w.lib("Contoso.Demo-1.0.0" + name))
		assert.NilError(t, err)
		assert.Equal(t, info.Mode().Perm(), mode, name)
	}
}

func TestRow02TheSameGoalStateOnlyReports(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3))
	before := w.report()
	w.calls()
	assert.DeepEqual(t, w.report(), before)
	assert.Assert(t, cmp.Len(w.calls(), 0))
}

func TestRow03NewIncarnationWithTheSameNumberEnablesOnly(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3))
	assert.NilError(t, os.WriteFile(w.lib("Contoso.Demo-1.0.0/config/3.settings"), nil, 0o600))
	w.calls()
	w.process(wants("1.0.0", 3))
	assert.DeepEqual(t, w.calls(), []string{"enable 1.0.0 3"})
	assert.Assert(t, cmp.Contains(w.read("Contoso.Demo-1.0.0/config/3.settings"), `"a": 1`))
}

func TestRow04NewNumberAddsSettingsAndEnables(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3))
	w.calls()
	w.process(wants("1.0.0", 4))
	assert.DeepEqual(t, w.calls(), []string{"enable 1.0.0 4"})
	assert.Assert(t, w.exists("Contoso.Demo-1.0.0/config/3.settings"))
	assert.Assert(t, w.exists("Contoso.Demo-1.0.0/config/4.settings"))
	assert.Equal(t, w.report().Extension.Seq, 4)
}

func TestRow05RestartEnablesOnceMoreAndRewritesTheEnvironment(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3))
	env := w.read("Contoso.Demo-1.0.0/HandlerEnvironment.json")
	assert.NilError(t, os.WriteFile(w.lib("Contoso.Demo-1.0.0/HandlerEnvironment.json"), nil, 0o600))
	assert.NilError(t, os.RemoveAll(w.root+"/var/log/azure/Contoso.Demo/events"))
	w.calls()
	w.restart()
	w.again(wants("1.0.0", 3))
	assert.DeepEqual(t, w.calls(), []string{"enable 1.0.0 3"})
	assert.Equal(t, w.read("Contoso.Demo-1.0.0/HandlerEnvironment.json"), env)
	_, err := os.Stat(w.root + "/var/log/azure/Contoso.Demo/events")
	assert.NilError(t, err)
}

func TestRow06FailedInstallIsReportedAndRetriedByTheNextGoalState(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{"install": "echo no way; echo oops >&2; exit 7"})
	w.process(wants("1.0.0", 3))
	got := w.report()
	assert.Equal(t, got.Status, status.NotReady)
	assert.Equal(t, got.Code, 1007)
	assert.Equal(t, got.Message, "[ExtensionOperationError] Non-zero exit code: 7, "+w.lib("Contoso.Demo-1.0.0")+
		"/bin/shim install\n[stdout]\nno way\n\n\n[stderr]\noops\n")
	assert.Assert(t, got.Extension == nil)
	assert.Assert(t, w.events.has("Install", false))
	w.calls()
	w.process(wants("1.0.0", 3))
	assert.DeepEqual(t, w.calls(), []string{"install 1.0.0 3"})
	assert.Equal(t, len(w.shop.served), 2)
}

func TestRow07FailedEnableLeavesInstalledAndTheExtensionIsReported(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{"enable": "exit 3"})
	w.process(wants("1.0.0", 3))
	got := w.report()
	assert.Equal(t, got.Code, 1009)
	assert.Equal(t, got.Extension.Status, status.Transitioning)
	assert.Equal(t, w.read("Contoso.Demo-1.0.0/config/HandlerState"), "Installed")
}

// impatient gives every command a moment only.
type impatient struct{ machineOfWorld }

type machineOfWorld interface {
	RunHandler(context.Context, machine.HandlerCommand) (machine.CommandEnd, error)
	Mounts() ([]machine.Mount, error)
}

func (m impatient) RunHandler(ctx context.Context, c machine.HandlerCommand) (machine.CommandEnd, error) {
	c.Timeout = 4 * time.Second
	return m.machineOfWorld.RunHandler(ctx, c)
}

func TestRow08EnableThatHangsIsKilledWithItsGroup(t *testing.T) {
	w := newWorld(t)
	w.options.Machine = impatient{w.options.Machine}
	w.restart()
	w.shop.sell(contoso, "1.0.0", pack{"enable": "echo begun; sleep 600 & echo $! >pid; sleep 600"})
	w.process(wants("1.0.0", 3))
	got := w.report()
	assert.Equal(t, got.Code, 1011)
	assert.Assert(t, strings.HasPrefix(got.Message, "[ExtensionError] Timeout(300): "+w.lib("Contoso.Demo-1.0.0")+
		"/bin/shim enable\n[stdout]\nbegun\n"), got.Message)
	var pid int
	_, err := fmt.Sscan(w.read("Contoso.Demo-1.0.0/pid"), &pid)
	assert.NilError(t, err)
	assert.Assert(t, gone(pid), "the child of the command lives")
}

// gone says that a process is over within a moment; a killed orphan may still wait for being reaped.
func gone(pid int) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return true
		}
		<-tick.C
	}
	return false
}

func TestRow09DaemonOfEnableLivesOnAndIsNotWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{"enable": "sleep 600 & echo $! >pid; exit 0"})
	began := time.Now()
	w.process(wants("1.0.0", 3))
	assert.Assert(t, time.Since(began) < time.Minute)
	var pid int
	_, err := fmt.Sscan(w.read("Contoso.Demo-1.0.0/pid"), &pid)
	assert.NilError(t, err)
	assert.NilError(t, syscall.Kill(pid, syscall.SIGKILL))
}

func TestRow10LongOutputIsCut(t *testing.T) {
	w := newWorld(t)
	body := `i=0; while [ $i -lt 1000 ]; do printf "o%07d  " $i; printf "e%07d  " $i >&2; i=$((i+1)); done; exit 1`
	w.shop.sell(contoso, "1.0.0", pack{"enable": body})
	w.process(wants("1.0.0", 3))
	_, output, found := strings.Cut(w.report().Message, "bin/shim enable\n")
	assert.Assert(t, found)
	stdout, stderr, _ := strings.Cut(strings.TrimPrefix(output, "[stdout]\n"), "\n\n[stderr]\n")
	assert.Equal(t, len(stdout), 1590)
	assert.Equal(t, len(stderr), 1590)
	assert.Assert(t, strings.HasSuffix(stdout, "o0000319  "), stdout[1500:])
	assert.Assert(t, strings.HasSuffix(stderr, "e0000319  "), stderr[1500:])
}

func TestRow11OutputThatIsNoTextIsSpelledOut(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{"enable": `printf 'a\377b\303\251'; exit 1`})
	w.process(wants("1.0.0", 3))
	assert.Assert(t, cmp.Contains(w.report().Message, "[stdout]\na\\xffb\u00e9\n"))
}

func TestRow50ProtectedSettingsStayEncrypted(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	h := wants("1.0.0", 3)
	h.Settings[0].Protected, h.Settings[0].Thumbprint = secret.New("Y2lwaGVy"), "ABCD"
	w.process(h)
	assert.Assert(t, cmp.Contains(w.read("Contoso.Demo-1.0.0/config/3.settings"),
		`"protectedSettings": "Y2lwaGVy", "protectedSettingsCertThumbprint": "ABCD"`))
}

func TestRow51HandlerWithoutSettings(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	h := wants("1.0.0", 3)
	h.Settings = nil
	w.process(h)
	assert.DeepEqual(t, w.calls(), []string{"install 1.0.0 0", "enable 1.0.0 0"})
	assert.Equal(t, w.read("Contoso.Demo-1.0.0/config/0.settings"), "")
	got := w.report()
	assert.Equal(t, got.Status, status.Ready)
	assert.Assert(t, got.Extension == nil)
}

func TestAFolderThatForbidsExecutionIsNamed(t *testing.T) {
	w := newWorld(t)
	w.options.Machine = noexec{w.options.Machine}
	w.restart()
	w.shop.sell(contoso, "1.0.0", pack{"install": "exit 126"})
	w.process(wants("1.0.0", 3))
	assert.Assert(t, strings.HasSuffix(w.report().Message,
		"\n/var/lib is mounted with the noexec option, which keeps extensions from being executed"))
	assert.Assert(t, w.events.has("NoExec", false))
}

type noexec struct{ machineOfWorld }

func (noexec) Mounts() ([]machine.Mount, error) {
	return []machine.Mount{{Target: "/", Options: "rw"}, {Target: "/var/lib", Options: "rw,noexec"}}, nil
}

func TestTheCommandLogTellsWhatRan(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{"install": "echo hello from install; echo; echo trouble >&2"})
	var log strings.Builder
	w.options.Log = slog.New(slog.NewTextHandler(&log, nil))
	w.restart()
	w.process(wants("1.0.0", 3))
	said := " install\n[stdout]\nhello from install\n[stderr]\ntrouble"
	assert.Assert(t, cmp.Contains(strings.ReplaceAll(log.String(), `\n`, "\n"), said))
	assert.Assert(t, !strings.Contains(log.String(), " enable\\n[stdout]"), "the agent's log is for what was said")
	i := slices.IndexFunc(w.events.all, func(ev event.Event) bool { return ev.Operation == "Install" })
	assert.Assert(t, i >= 0 && strings.HasSuffix(w.events.all[i].Message, said) && w.events.all[i].Duration > 0, "%+v", w.events.all)
	data, err := os.ReadFile(w.root + "/var/log/azure/Contoso.Demo/CommandExecution.log")
	assert.NilError(t, err)
	assert.Assert(t, cmp.Contains(string(data), "INFO ExtHandler [Contoso.Demo-1.0.0] hello from install\n"))
}

package tryextension_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/fabricsim/control"
	"github.com/waagent-go/waagent/fabricsim/goal"
	"github.com/waagent-go/waagent/fabricsim/tryextension"
)

// guest is a fabric with a VM on it that does at once what it is asked for.
type guest struct {
	wanted []goal.State
	reply  func(n int, x goal.Extension) string // handlerAggregateStatus entries
}

func (g *guest) SetGoalState(_ context.Context, _ string, s goal.State) (control.VM, error) {
	g.wanted = append(g.wanted, s)
	return control.VM{Incarnation: len(g.wanted)}, nil
}

func (g *guest) WaitVM(ctx context.Context, _ string, good func(control.VM) (bool, string)) (control.VM, error) {
	n := len(g.wanted)
	raw := fmt.Sprintf(`{"aggregateStatus": {"handlerAggregateStatus": [%s], "vmArtifactsAggregateStatus":
		{"goalStateAggregateStatus": {"inSvdSeqNo": "%d"}}}}`, g.reply(n, g.wanted[n-1].Extensions[0]), n)
	var st control.Status
	data, err := json.Marshal(map[string]any{"raw": json.RawMessage(raw)})
	if err == nil {
		err = json.Unmarshal(data, &st)
	}
	if err != nil {
		return control.VM{}, err
	}
	vm := control.VM{Status: &st}
	if ok, _ := good(vm); ok {
		return vm, nil
	}
	<-ctx.Done()
	return vm, ctx.Err()
}

// guestLog is a guest whose command log grows with every goal state, by a line that is not complete yet.
type guestLog struct{ *guest }

func (g guestLog) ReadFile(_ context.Context, path string) ([]byte, error) {
	if path != "/var/log/azure/C.T/CommandExecution.log" {
		return nil, fmt.Errorf("no file %s", path)
	}
	var b strings.Builder
	for i, s := range g.wanted {
		for _, line := range []string{"Command: " + s.Extensions[0].State, "[stdout]", "[stderr]", fmt.Sprintf("said [%d]", i), "Command: x", "[stdout]", "[stderr]"} {
			b.WriteString("2031-01-01T00:00:00.000000Z INFO ExtHandler [C.T-1.0] " + line + "\n")
		}
	}
	return []byte(b.String() + "2031-01-01T00:00:00.000000Z INFO ExtHandler [C.T-1.0] not yet"), nil
}

func entry(x goal.Extension, handler, status string) string {
	settings := ""
	if x.Settings != nil {
		settings = fmt.Sprintf(`, "runtimeSettingsStatus": {"sequenceNumber": %d, "settingsStatus": {"status": {"status": %q,
			"code": 0, "formattedMessage": {"lang": "en-US", "message": "said"}}}}`, x.Settings.Seq, status)
	}
	return fmt.Sprintf(`{"handlerName": %q, "handlerVersion": %q, "status": %q, "code": 0%s}`, x.Name, x.Version, handler, settings)
}

func well(_ int, x goal.Extension) string {
	switch x.State {
	case "uninstall":
		return ""
	case "disabled":
		return entry(x, "NotReady", "success")
	}
	return entry(x, "Ready", "success")
}

func image(version string) map[string]string {
	return map[string]string{"manifest.xml": strings.Replace(goodImage, "1.0", version, 1)}
}

func TestATrialPlaysTheWholeLife(t *testing.T) {
	t.Parallel()
	g := &guest{reply: well}
	var out strings.Builder
	trial := tryextension.Trial{
		Fabric: g, Guest: guestLog{g}, VM: "vm", Package: pack(t, image("1.0")), Update: pack(t, image("1.1")), Public: `{"a": 1}`, Out: &out,
	}
	v, err := trial.Run(t.Context())
	assert.NilError(t, err)
	assert.Assert(t, v.OK(), "%+v", v)
	var got []string
	for _, s := range g.wanted {
		x := s.Extensions[0]
		seq := -1
		if x.Settings != nil {
			seq = x.Settings.Seq
		}
		got = append(got, fmt.Sprint(x.Name, " ", x.Version, " ", x.State, " ", seq))
	}
	assert.DeepEqual(t, got, []string{
		"C.T 1.0 enabled 0", "C.T 1.0 enabled 1", "C.T 1.1 enabled 2", "C.T 1.1 disabled 2", "C.T 1.1 uninstall -1",
	})
	assert.Equal(t, strings.Count(out.String(), "Command: x"), 5, out.String())
	assert.Assert(t, cmp.Contains(out.String(), `
          | Command: enabled
          | [stderr]
          | said [2]
          | Command: x
`))
	assert.Assert(t, cmp.Contains(out.String(), "          | Command: uninstall\n"))
	assert.Assert(t, !strings.Contains(out.String(), "not yet"))
	assert.NilError(t, v.Write(&out))
	assert.Assert(t, cmp.Contains(out.String(), "portal: Provisioning state success (0) said"))
	assert.Assert(t, cmp.Contains(out.String(), "The extension works."))
}

func TestATrialSaysWhatWentWrong(t *testing.T) {
	t.Parallel()
	g := &guest{reply: func(n int, x goal.Extension) string {
		switch {
		case n == 1:
			return entry(x, "Ready", "error")
		case n == 2:
			return entry(x, "Ready", "transitioning")
		}
		return entry(x, "Ready", "success")
	}}
	trial := tryextension.Trial{
		Fabric: g, VM: "vm", Package: pack(t, image("1.0")), Update: pack(t, image("1.1")), Limit: 10 * time.Millisecond, Out: t.Output(),
	}
	v, err := trial.Run(t.Context())
	assert.NilError(t, err)
	var got []string
	for _, s := range v.Steps {
		got = append(got, s.Name+": "+s.Problem)
	}
	assert.DeepEqual(t, got, []string{
		"install and enable: the extension says error (0): said",
		"enable with new settings: nothing final within 10ms; last: 1.0 Ready (0), settings 1: transitioning",
		"update: left out, because the version before it does not work",
		"disable: ",
		"uninstall: the extension is still there: ",
	})
	for _, s := range g.wanted { // the update that was left out is not what is taken away
		assert.Equal(t, s.Extensions[0].Version, "1.0")
	}
	assert.Equal(t, g.wanted[2].Extensions[0].State, "disabled")
	assert.Equal(t, g.wanted[2].Extensions[0].Settings.Seq, 1)
}

func TestAVersionThatAFailedUpdateDisabledIsNotDisabledAgain(t *testing.T) {
	t.Parallel()
	g := &guest{reply: func(n int, x goal.Extension) string {
		if n == 3 {
			return entry(x, "NotReady", "transitioning")
		}
		return well(n, x)
	}}
	trial := tryextension.Trial{Fabric: g, VM: "vm", Package: pack(t, image("1.0")), Update: pack(t, image("1.1")), Out: t.Output()}
	v, err := trial.Run(t.Context())
	assert.NilError(t, err)
	assert.Equal(t, v.Steps[3].Name, "disable")
	assert.Equal(t, v.Steps[3].Problem, "left out, because the update that failed had disabled the version before it")
	assert.Equal(t, len(g.wanted), 4)
}

func TestSeveralExtensionsAreToldWhichOneGoes(t *testing.T) {
	t.Parallel()
	g := &guest{reply: func(_ int, x goal.Extension) string {
		if x.State == "uninstall" {
			return ""
		}
		return strings.Replace(entry(x, "Ready", ""), "}", fmt.Sprintf(`, "runtimeSettingsStatus": {"sequenceNumber": %d, "extensionName": "trial",
			"settingsStatus": {"status": {"status": "success"}}}}`, x.Configs[0].Seq), 1)
	}}
	trial := tryextension.Trial{Fabric: g, VM: "vm", Out: t.Output(), Package: pack(t, map[string]string{
		"HandlerManifest.json": strings.Replace(goodManifest, `"updateCommand"`, `"supportsMultipleExtensions": true, "updateCommand"`, 1)})}
	v, err := trial.Run(t.Context())
	assert.NilError(t, err)
	assert.Assert(t, v.OK(), "%+v", v)
	last := g.wanted[len(g.wanted)-1].Extensions[0]
	assert.Equal(t, last.State, "uninstall")
	assert.Equal(t, last.Configs[0].Name, "trial")
	assert.Equal(t, last.Configs[0].State, "disabled")
	assert.Equal(t, last.Configs[0].Seq, 1)
}

func TestWhatWasNeverEnabledIsNotDisabled(t *testing.T) {
	t.Parallel()
	g := &guest{reply: func(_ int, x goal.Extension) string {
		if x.State == "uninstall" {
			return ""
		}
		return strings.Replace(entry(x, "NotReady", "error"), `"code": 0`, `"code": 1007, "formattedMessage": {"message": "no\nmore"}`, 1)
	}}
	trial := tryextension.Trial{Fabric: g, VM: "vm", Package: pack(t, nil), Out: t.Output()}
	v, err := trial.Run(t.Context())
	assert.NilError(t, err)
	var got []string
	for _, s := range v.Steps {
		got = append(got, s.Name+": "+s.Problem)
	}
	assert.DeepEqual(t, got, []string{
		"install and enable: the handler is NotReady (1007): no",
		"enable with new settings: the handler is NotReady (1007): no",
		"disable: left out, because the extension was never enabled",
		"uninstall: ",
	})
}

func TestAVerdictKeepsLongTextsBelowTheirBeginning(t *testing.T) {
	t.Parallel()
	v := tryextension.Verdict{Extension: tryextension.Identity{Name: "C.T", Version: "1.0"}, Steps: []tryextension.Step{
		{Name: "disable", Problem: "one\n\ntwo\n", Portal: []string{"three\nfour\n"}},
	}}
	var out strings.Builder
	assert.NilError(t, v.Write(&out))
	assert.Equal(t, out.String(), `
C.T 1.0
  FAILED disable                       0.0s
         one
         two
         portal: three
                 four
The extension does not work.
`)
}

func TestATrialNeedsTwoVersions(t *testing.T) {
	t.Parallel()
	trial := tryextension.Trial{Package: pack(t, nil), Update: pack(t, nil), Out: t.Output()}
	_, err := trial.Run(t.Context())
	assert.ErrorContains(t, err, "is no other version of")
}

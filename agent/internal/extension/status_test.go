package extension_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"

	"github.com/waagent-go/waagent/agent/internal/extension"
	"github.com/waagent-go/waagent/agent/internal/status"
)

// says is a world whose extension's status file holds text, written a minute ago.
func says(t *testing.T, text string) *world {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3))
	file := w.lib("Contoso.Demo-1.0.0/status/3.status")
	assert.NilError(t, os.WriteFile(file, []byte(text), 0o600))
	old := time.Now().Add(-time.Minute)
	assert.NilError(t, os.Chtimes(file, old, old))
	return w
}

func TestRow45MissingStatusFileIsTransitioning(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{"enable": "exit 0"})
	w.process(wants("1.0.0", 3))
	began := time.Now()
	got := w.report()
	assert.Assert(t, time.Since(began) < 2*time.Second)
	assert.Equal(t, got.Extension.Status, status.Transitioning)
	assert.Equal(t, got.Extension.Code, 0)
	assert.Assert(t, cmp.Contains(got.Extension.Message, contoso))
}

func TestRow46StatusThatMakesNoSense(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":                   `[{"status": `,
		"empty":                     ``,
		"not an array":              `{"status": {"status": "success"}}`,
		"a number":                  `[1]`,
		"no status":                 `[{"version": 1.0}]`,
		"status without status":     `[{"status": {"code": 1}}]`,
		"substatus without status":  `[{"status": {"status": "success", "substatus": [{"name": "a"}]}}]`,
		"substatus of unknown kind": `[{"status": {"status": "success", "substatus": [{"name": "a", "status": "fine"}]}}]`,
		"message without lang":      `[{"status": {"status": "success", "formattedMessage": {"message": "x"}}}]`,
	} {
		t.Run(name, func(t *testing.T) {
			got := says(t, text).report().Extension
			assert.Equal(t, got.Status, status.Error)
			assert.Equal(t, got.Code, 1012)
		})
	}
}

func TestBrokenStatusIsReportedWithItsBeginning(t *testing.T) {
	got := says(t, "no json"+strings.Repeat("x", 5000)).report().Extension
	assert.Assert(t, cmp.Contains(got.Message, ": no jsonxxx"))
	assert.Assert(t, len(got.Message) < 2200)
}

func TestStatusThatIsBeingWrittenIsNoFailure(t *testing.T) {
	w := says(t, `[{"status"`)
	now := time.Now()
	assert.NilError(t, os.Chtimes(w.lib("Contoso.Demo-1.0.0/status/3.status"), now, now))
	assert.Equal(t, w.report().Extension.Status, status.Transitioning)
}

func TestOneBadStatusLosesNoOther(t *testing.T) {
	w := newWorld(t)
	w.shop.sell("A", "1.0", pack{"enable": `echo '[1]' >status/0.status; exit 0`})
	w.shop.sell("B", "1.0", pack{})
	w.process(named(wants("1.0", 0), "A"), named(wants("1.0", 0), "B"))
	all := w.engine.Report()
	assert.Equal(t, all[0].Extension.Code, 1012)
	assert.Equal(t, all[1].Extension.Status, status.Success)
}

func TestParseStatus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       status.Extension
	}{
		{"empty array", `[]`, status.Extension{}},
		{"null", `null`, status.Extension{}},
		{"unknown value is an error with its code", `[{"status": {"status": "great", "code": 4}}]`,
			status.Extension{Status: "error", Code: 4}},
		{"code as text", `[{"status": {"status": "success", "code": "7"}}]`, status.Extension{Status: "success", Code: 7}},
		{"null substatus", `[{"status": {"status": "success", "substatus": null, "formattedMessage": null}}]`,
			status.Extension{Status: "success"}},
		{"null entries and unknown keys", `[{"x": 1, "status": {"status": "warning", "substatus": [null,
			{"name": "a", "status": "error", "code": 2, "formattedMessage": {"lang": "en", "message": "m"}}]}}, 5]`,
			status.Extension{Status: "warning", Substatus: []status.Substatus{{Name: "a", Status: "error", Code: 2, Message: "m"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := extension.ParseStatus([]byte(c.text))
			assert.NilError(t, err)
			assert.DeepEqual(t, got, c.want)
		})
	}
}

func TestRow47LongStatusIsCut(t *testing.T) {
	long := strings.Repeat("m", 20000)
	var subs []string
	for i := range 10 {
		subs = append(subs, fmt.Sprintf(`{"name": "s%d", "status": "success", "code": 0, "formattedMessage": {"lang": "en", "message": %q}}`, i, long))
	}
	subs = append(subs, `{"name": null, "status": "error", "formattedMessage": null}`)
	got := says(t, fmt.Sprintf(`[{"status": {"status": "success", "formattedMessage": {"lang": "en", "message": %q}, "substatus": [%s]}}]`,
		long, strings.Join(subs, ","))).report().Extension
	assert.Equal(t, len(got.Message), 1024+len(" ... [TRUNCATED]"))
	assert.Equal(t, len(got.Substatus), 11)
	assert.Equal(t, len(got.Substatus[0].Message), 10240+len(" ... [TRUNCATED]"))
}

func TestRow48Heartbeats(t *testing.T) {
	beat := `[{"version": 1.0, "heartbeat": {"status": "Installing", "code": 3, "formattedMessage": {"lang": "en", "message": "busy"}}}]`
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{"HandlerManifest.json": manifest(`"reportHeartbeat": true`)})
	w.process(wants("1.0.0", 3))
	got := w.report()
	assert.Equal(t, got.Status, status.NotReady)
	assert.Equal(t, got.Code, -1)

	file := w.lib("Contoso.Demo-1.0.0/heartbeat.log")
	assert.NilError(t, os.WriteFile(file, []byte(beat), 0o600))
	got = w.report()
	assert.Equal(t, got.Status, "Installing")
	assert.Equal(t, got.Message, "busy")
	assert.Equal(t, got.Code, 0)

	old := time.Now().Add(-601 * time.Second)
	assert.NilError(t, os.Chtimes(file, old, old))
	got = w.report()
	assert.Equal(t, got.Status, status.Unresponsive)
	assert.Equal(t, got.Message, "Plugin enabled")

	for _, bad := range []string{`[]`, `x`, `[{"heartbeat": {}}]`, `[{}]`} {
		assert.NilError(t, os.WriteFile(file, []byte(bad), 0o600))
		assert.Equal(t, w.report().Code, -1, bad)
	}
}

func TestRow49LaterErrorOfABackgroundProcessIsReported(t *testing.T) {
	w := says(t, `[{"status": {"status": "success"}}]`)
	assert.Equal(t, w.report().Extension.Status, status.Success)
	assert.NilError(t, os.WriteFile(w.lib("Contoso.Demo-1.0.0/status/3.status"), []byte(`[{"status": {"status": "error", "code": 5}}]`), 0o600))
	got := w.report().Extension
	assert.Equal(t, got.Status, status.Error)
	assert.Equal(t, got.Code, 5)
	assert.Equal(t, len(w.calls()), 2)
}

func TestStatusOfAnotherNumberIsIgnored(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{"enable": `echo '[{"status": {"status": "success"}}]' >status/9.status; exit 0`})
	w.process(wants("1.0.0", 3))
	assert.Equal(t, w.report().Extension.Status, status.Transitioning)
}

func TestReportBeforeTheFirstGoalStateIsWhatIsOnDisk(t *testing.T) {
	w := newWorld(t)
	w.shop.sell(contoso, "1.0.0", pack{})
	w.process(wants("1.0.0", 3))
	before := w.report()
	w.restart()
	assert.DeepEqual(t, w.report(), before)
}

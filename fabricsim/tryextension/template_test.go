package tryextension_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/fabricsim/tryextension"
)

// TestTheSampleExtensionSaysWhatItsSettingsSay with any text in them, for authors begin with it.
func TestTheSampleExtensionSaysWhatItsSettingsSay(t *testing.T) {
	t.Parallel()
	for _, message := range []string{"hello", `a "quoted" \ word, {braces} & 100%`, "tab\tand é"} {
		t.Run(message, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "sample")
			_, err := tryextension.New(dir)
			assert.NilError(t, err)
			text, err := json.Marshal(message)
			assert.NilError(t, err)
			assert.NilError(t, os.Mkdir(filepath.Join(dir, "config"), 0o700))
			settings := `{"runtimeSettings": [{"handlerSettings": {"publicSettings": {"code": 7, "message": ` + string(text) +
				`, "status": "warning", "heartbeat": "Ready"}, "protectedSettings": null, "protectedSettingsCertThumbprint": null}}]}`
			assert.NilError(t, os.WriteFile(filepath.Join(dir, "config/3.settings"), []byte(settings), 0o600))
			cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "bin/sample"), "enable")
			cmd.Env = append(os.Environ(), "ConfigSequenceNumber=3")
			out, err := cmd.CombinedOutput()
			assert.NilError(t, err, string(out))

			type said struct {
				Status  string
				Code    int
				Message struct{ Message string } `json:"formattedMessage"`
			}
			var status, heartbeat []struct{ Status, Heartbeat said }
			for name, to := range map[string]any{"status/3.status": &status, "heartbeat.log": &heartbeat} {
				data, err := os.ReadFile(filepath.Join(dir, name))
				assert.NilError(t, err)
				assert.NilError(t, json.Unmarshal(data, to), string(data))
			}
			assert.Equal(t, status[0].Status.Message.Message, message)
			assert.Equal(t, status[0].Status.Status, "warning")
			assert.Equal(t, status[0].Status.Code, 7)
			assert.Equal(t, heartbeat[0].Heartbeat.Message.Message, message)
		})
	}
}

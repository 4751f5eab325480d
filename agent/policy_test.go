package agent

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/config"
	"github.com/waagent-go/waagent/agent/internal/history"
	"github.com/waagent-go/waagent/agent/internal/host"
)

// TestThePolicyInForceIsKeptInTheHistory as its author wrote it, also one that cannot be used.
func TestThePolicyInForceIsKeptInTheHistory(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	p := &program{conf: new(config.Loaded), files: host.Files{Root: root}}
	p.conf.PolicyFile = "/waagent_policy.json"
	h := &history.History{Files: p.files, Dir: "/", Log: slog.New(slog.DiscardHandler)}
	h.Keep("1", "GoalState.xml", []byte("<GoalState/>"))
	for _, c := range []struct {
		text string
		good bool
	}{{`{"policyVersion":  "0.1.0"}`, true}, {`{"policyVersion": 5}`, false}} {
		assert.NilError(t, os.WriteFile(filepath.Join(root, "waagent_policy.json"), []byte(c.text), 0o600))
		_, err := p.policy(h)
		assert.Equal(t, err == nil, c.good, "%v", err)
		kept, err := filepath.Glob(filepath.Join(root, "history", "*", "waagent_policy.json"))
		assert.NilError(t, err)
		assert.Equal(t, len(kept), 1)
		data, err := os.ReadFile(kept[0])
		assert.NilError(t, err)
		assert.Equal(t, string(data), c.text)
	}
	assert.NilError(t, os.Remove(filepath.Join(root, "waagent_policy.json")))
	none, err := p.policy(h)
	assert.NilError(t, err)
	assert.Assert(t, none == nil)
}

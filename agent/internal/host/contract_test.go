package host_test

import (
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/host"
	"github.com/waagent-go/waagent/agent/internal/host/hosttest"
)

func contractRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	assert.NilError(t, os.MkdirAll(filepath.Join(root, "dir"), 0o755))
	assert.NilError(t, os.WriteFile(filepath.Join(root, "dir/file"), nil, 0o644))
	return root
}

func TestRealMachineKeepsTheContract(t *testing.T) {
	t.Parallel()
	hosttest.Contract(t, host.New(contractRoot(t), nil))
}

func TestPretendMachineKeepsTheContract(t *testing.T) {
	t.Parallel()
	hosttest.Contract(t, hosttest.New(t, contractRoot(t), hosttest.ContractAnswers()...))
}

package scenarios

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestTheOverheadIsReadFromTheLog(t *testing.T) {
	t.Parallel()
	p, err := lastPass(`2026-01-01T00:00:00.0Z INFO ExtHandler ExtHandler ProcessExtensionsGoalState started [incarnation_1 channel: WireServer]
2026-01-01T00:00:00.0Z INFO ExtHandler [A-1.0] Target handler state: enabled [incarnation_1]
2026-01-01T00:00:00.0Z INFO ExtHandler [A-1.0] The command succeeded command=install exit=0 took=1s
2026-01-01T00:00:00.0Z INFO ExtHandler ExtHandler ProcessExtensionsGoalState completed [incarnation_1 2000 ms]
2026-01-01T00:00:00.0Z INFO ExtHandler ExtHandler ProcessExtensionsGoalState started [incarnation_2 channel: WireServer]
2026-01-01T00:00:00.0Z INFO ExtHandler [A-1.0] Target handler state: enabled [incarnation_2]
2026-01-01T00:00:00.0Z INFO ExtHandler [A-1.0] The command succeeded command=enable exit=0 took=100.5ms
2026-01-01T00:00:00.0Z INFO ExtHandler [B-1.0] Target handler state: enabled [incarnation_2]
2026-01-01T00:00:00.0Z WARNING ExtHandler [B-1.0] The command failed command=enable exit=1 took=500µs
2026-01-01T00:00:00.0Z INFO ExtHandler ExtHandler ProcessExtensionsGoalState completed [incarnation_2 201 ms]
2026-01-01T00:00:00.0Z INFO ExtHandler ExtHandler ProcessExtensionsGoalState started [incarnation_3 channel: WireServer]
2026-01-01T00:00:00.0Z INFO ExtHandler [B-1.0] Target handler state: enabled [incarnation_3]
`)
	assert.NilError(t, err)
	assert.Equal(t, p.String(), "2 extensions, 2 commands: 201ms, of which 101ms in commands; the agent's own time is 50ms each")
	_, err = lastPass("nothing\n")
	assert.ErrorContains(t, err, "no goal state")
}

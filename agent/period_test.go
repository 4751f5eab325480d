package agent

import (
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/config"
)

func TestTheFabricIsAskedEveryFiveMinutesWhileExtensionsAreDisabled(t *testing.T) {
	t.Parallel()
	l := loop{p: &program{conf: new(config.Loaded)}}
	l.p.conf.Extensions.InitialGoalStatePeriod, l.p.conf.Extensions.GoalStatePeriod = time.Second, 6*time.Second
	assert.Equal(t, l.period(), 300*time.Second)
	l.p.conf.Extensions.Enabled = true
	assert.Equal(t, l.period(), time.Second)
	l.state.settled = true
	assert.Equal(t, l.period(), 6*time.Second)
}

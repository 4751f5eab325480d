package config_test

import (
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/agent/internal/config"
)

// TestTheManPageKnowsEveryOption holds the page against the table, defaults included.
func TestTheManPageKnowsEveryOption(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../../images/packaging/man/waagent.8")
	assert.NilError(t, err)
	page := strings.NewReplacer(`\-`, "-", ` "`, "", `"`, "").Replace(string(data))
	for _, o := range config.DocumentedOptions() {
		row := o.Name + " (" + o.Default + ")"
		assert.Check(t, strings.Contains(page, " "+row), row)
	}
	for _, name := range config.Accepted() {
		assert.Check(t, strings.Contains(page, name), name)
	}
}

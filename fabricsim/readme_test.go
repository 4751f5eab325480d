package fabricsim

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gorilla/mux"
	"gotest.tools/v3/assert"

	"github.com/waagent-go/waagent/fabricsim/fault"
	"github.com/waagent-go/waagent/fabricsim/internal/hostga"
	"github.com/waagent-go/waagent/fabricsim/internal/imds"
	"github.com/waagent-go/waagent/fabricsim/internal/wireserver"
)

func TestTheReadmeNamesEveryRoute(t *testing.T) {
	t.Parallel()
	text := readme(t)
	for surface, r := range map[string]*mux.Router{
		"wireserver": (&wireserver.Server{}).Routes(), "hostga": (&hostga.Server{}).Routes(), "imds": (&imds.Server{}).Routes(),
	} {
		row := regexp.MustCompile(`(?m)^\| ` + surface + ` \|.*$`).FindString(text)
		err := r.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
			assert.Check(t, strings.Contains(strings.ReplaceAll(row, "`", " "), " "+route.GetName()+" "), "%s: %s", surface, route.GetName())
			return nil
		})
		assert.NilError(t, err)
	}
}

func TestThePlaybookOfTheReadmeIsOne(t *testing.T) {
	t.Parallel()
	_, rest, _ := strings.Cut(readme(t), "```yaml\n")
	text, _, _ := strings.Cut(rest, "```")
	steps, err := fault.Parse([]byte(text))
	assert.NilError(t, err)
	assert.Equal(t, len(steps), 4)
}

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	assert.NilError(t, err)
	return string(text)
}

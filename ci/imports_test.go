package ci

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
)

const module = "github.com/waagent-go/waagent"

// mayNotReach says, for the packages of a pattern and their tests, which import paths must be nowhere among their
// dependencies. A path that starts with "/" is below the module; "but" exempts what it names.
var mayNotReach = []rule{
	{"./agent/...", true, []string{"/fabricsim", "/ovfgen", "/scenarios", "/cmd"}, nil},
	{"./agent/protocol/...", false, []string{"/", "golang.org/", "github.com/", "go.yaml.in/"}, []string{"/agent/protocol"}},
	{"./agent/media/...", false, []string{"/", "golang.org/", "github.com/", "go.yaml.in/"}, []string{"/agent/media"}},
	{"./agent/machine/...", false, []string{"/", "golang.org/", "github.com/"}, []string{"/agent/machine"}},
	{"./fabricsim", true, []string{"/fabricsim/vnet", "gvisor.dev/"}, nil},
	{"./fabricsim/...", true, []string{"/agent/internal", "/scenarios", "/cmd"}, nil},
	{"./ovfgen/...", true, []string{"/agent/internal", "/fabricsim", "/scenarios"}, nil},
	{"./scenarios/...", false, []string{"/cmd"}, nil},
	{"./images/...", true, []string{"/agent", "/fabricsim", "/ovfgen", "/scenarios", "/cmd"}, nil},
	{"./cmd/waagent", true, []string{"/fabricsim", "/ovfgen", "/scenarios"}, nil},
	{"./cmd/ovfgen", false, []string{"/fabricsim", "/scenarios", "/agent/internal"}, nil},
}

// A package that imports what it may not is found by the pattern that forbids it.
func TestImportsFollowTheArrows(t *testing.T) {
	t.Parallel()
	for _, rule := range mayNotReach {
		t.Run(rule.packages, func(t *testing.T) {
			t.Parallel()
			for _, dep := range dependencies(t, rule.packages, rule.tests) {
				if rule.forbids(dep) {
					t.Errorf("%s reaches %s", rule.packages, dep)
				}
			}
		})
	}
}

// Only the loopback driver may hold the agent itself; the other drivers bring a binary.
func TestOnlyTheLoopbackDriverReachesTheAgent(t *testing.T) {
	t.Parallel()
	for _, pkg := range list(t, "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "./scenarios/...") {
		name, imports, _ := strings.Cut(pkg, " ")
		if name == module+"/scenarios/machine/loopback" {
			continue
		}
		assert.Assert(t, !slices.Contains(strings.Fields(imports), module+"/agent"), "%s imports the agent", name)
	}
}

// A duty imports the common floor and never another duty: package agent introduces them to one another.
func TestDutiesDoNotImportOneAnother(t *testing.T) {
	t.Parallel()
	floor := strings.Fields("account config distro certs event fabric goalstate host host/hosttest instanceid logline artifact status endpoint policy signature sas repeat bootline")
	prefix := module + "/agent/internal/"
	for _, pkg := range list(t, "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "./agent/internal/...") {
		name, imports, _ := strings.Cut(pkg, " ")
		for _, imp := range strings.Fields(imports) {
			duty, ours := strings.CutPrefix(imp, prefix)
			if !ours || slices.Contains(floor, duty) || strings.HasPrefix(imp, name+"/") {
				continue
			}
			t.Errorf("%s imports the duty %s", name, duty)
		}
	}
}

// The modules linked into the agent are written down: growing the list is a decision.
func TestModulesLinkedIntoTheAgent(t *testing.T) {
	t.Parallel()
	modules := list(t, "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./cmd/waagent")
	slices.Sort(modules)
	modules = slices.DeleteFunc(slices.Compact(modules), func(m string) bool { return m == "" || m == module })
	golden.Assert(t, strings.Join(modules, "\n")+"\n", "waagent-modules.golden")
}

type rule struct {
	packages string
	tests    bool // their tests too
	paths    []string
	but      []string
}

func (r rule) forbids(dep string) bool {
	for _, ok := range r.but {
		if below(dep, ok) {
			return false
		}
	}
	for _, p := range r.paths {
		if below(dep, p) {
			return true
		}
	}
	return false
}

// below reports whether import path dep is path or lies under it; "/" is the whole module.
func below(dep, path string) bool {
	if strings.HasPrefix(path, "/") {
		path = strings.TrimSuffix(module+path, "/")
	}
	path = strings.TrimSuffix(path, "/")
	return dep == path || strings.HasPrefix(dep, path+"/")
}

// dependencies lists what the packages of a pattern import, directly or not, themselves left out.
func dependencies(t *testing.T, pattern string, tests bool) []string {
	t.Helper()
	args := []string{"-deps"}
	if tests {
		args = append(args, "-test")
	}
	own := list(t, pattern)
	deps := list(t, append(args, pattern)...)
	return slices.DeleteFunc(deps, func(dep string) bool {
		dep, _, _ = strings.Cut(dep, " ") // a test variant is "path [path.test]"
		dep = strings.TrimSuffix(strings.TrimSuffix(dep, ".test"), "_test")
		return slices.Contains(own, dep)
	})
}

func list(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir, cmd.Stderr = "..", os.Stderr
	out, err := cmd.Output()
	assert.NilError(t, err)
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

package cmdline_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/waagent-go/waagent/agent/internal/cmdline"
)

// TestParse writes each case and what it means into one file, so that the grammar can be read as a list.
func TestParse(t *testing.T) {
	t.Parallel()
	lines := []string{
		"", "-force", "-verbose", "-daemon", "--daemon", "/daemon", "daemon", "-/-daemonize", "-versionfoo", "-DAEMON",
		"version deprovision", "deprovision version", "-verbose -daemon bogus", "bogus -daemon", "-daemon bogus -verbose",
		"-deprovision", "-deprovision+user", "-force -deprovision+user", "-deprovision+user -force", "deprovision+username",
		"-help", "-usage", "-?", "?", "-h", "-start", "-register-service", "-run-exthandlers -debug", "-show-configuration -verbose",
		"-collect-logs -full", "-serialconsole", "-setup-firewall=168.63.129.16", "-setup-firewall=bad", "-setup-firewall",
		"-setup-firewall=1.2.3.", "-setup-firewall=168.63.129.16x", "-configuration-path:/etc/w.conf -daemon",
		"configuration-path:/a/b*c -daemon", "-configuration-path: -daemon", "-configuration-path", "-install", "-uninstall", "-provision",
		"-inspect -transport-key k.pem -", "--inspect", "-inspect", "-verbose -inspect x", "handler-command spec",
		"-daemon handler-command", "-daemon  -verbose",
		"-numa-off -root:/mnt/old", "-root=/mnt/a*b -serialconsole", "-numa-on", "-numa-off -root:relative", "-numa-off -root /mnt", "-root:",
		"-root:/mnt -deprovision", "-deprovision -root:/mnt",
	}
	var out strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&out, "%-45s %s\n", "["+line+"]", describe(cmdline.Parse(strings.Split(line, " "))))
	}
	golden.Assert(t, out.String(), "parse.golden")
}

func describe(c cmdline.Command) string {
	s := string(c.Verb)
	flag := func(name string, on bool) {
		if on {
			s += " " + name
		}
	}
	flag("verbose", c.Verbose)
	flag("force", c.Force)
	flag("debug", c.Debug)
	flag("full", c.Full)
	flag("conf="+c.ConfPath, c.ConfPath != "")
	flag("address="+c.Address, c.Address != "")
	flag("root="+c.Root, c.Root != "")
	flag("unknown="+c.Unknown, c.Unknown != "")
	if len(c.Rest) > 0 {
		s += fmt.Sprintf(" rest=%q", c.Rest)
	}
	return s
}

func TestNoArgumentsMeanHelp(t *testing.T) {
	t.Parallel()
	assert.DeepEqual(t, cmdline.Parse(nil), cmdline.Command{Verb: cmdline.Help})
}

func TestHelpAndVersionTexts(t *testing.T) {
	t.Parallel()
	golden.Assert(t, cmdline.HelpText("waagent"), "help.golden")
	v := cmdline.Versions{Agent: "3.0.0.0", Distro: "debian", Release: "12", Go: "go1.26.1", GoalState: "3.0.0.1"}
	golden.Assert(t, v.Text(), "version.golden")
}

// FuzzParse: whatever comes, there is a verb, and an unknown argument is one of those given.
func FuzzParse(f *testing.F) {
	f.Add("-daemon -verbose")
	f.Add("-configuration-path:/x/../y\x00 -setup-firewall=1.1.1.1")
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, " ")
		c := cmdline.Parse(args)
		assert.Assert(t, c.Verb != "")
		if c.Unknown != "" {
			assert.Equal(t, c.Verb, cmdline.Help)
			assert.Assert(t, strings.Contains(line, c.Unknown) || strings.HasPrefix(c.Unknown, "-root:"))
		}
		assert.DeepEqual(t, cmdline.Parse(append([]string{""}, args...)).Verb == cmdline.Inspect, false)
	})
}

// TestTheManPageKnowsEveryWord holds the page against the grammar and the warning against its twin.
func TestTheManPageKnowsEveryWord(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../../images/packaging/man/waagent.8")
	assert.NilError(t, err)
	page := strings.NewReplacer(`\-`, "-", "\n", " ").Replace(string(data))
	for _, word := range cmdline.Words() {
		assert.Check(t, strings.Contains(page, "-"+word), word)
		assert.Check(t, strings.Contains(cmdline.HelpText("waagent"), "-"+word), word)
	}
	assert.Assert(t, strings.Contains(page, "Deprovisioning does not make an image safe to publish:"))
	assert.Assert(t, strings.HasPrefix(cmdline.NotSafeToPublish, "Deprovisioning does not make an image safe to publish:"))
}

// Package cmdline reads the agent's command line in the original's grammar. It decides what was asked; it does nothing.
package cmdline

import (
	"regexp"
	"slices"
	"strings"
)

// Verb is what the agent is asked to do.
type Verb string

// The verbs. Each but Help is a command word of the grammar, and its spelling there.
const (
	Help              Verb = "help"
	Version           Verb = "version"
	Daemon            Verb = "daemon"
	Start             Verb = "start"
	RunExtHandlers    Verb = "run-exthandlers"
	Deprovision       Verb = "deprovision"
	DeprovisionUser   Verb = "deprovision+user"
	RegisterService   Verb = "register-service"
	ShowConfiguration Verb = "show-configuration"
	CollectLogs       Verb = "collect-logs"
	SetupFirewall     Verb = "setup-firewall"
	SerialConsole     Verb = "serialconsole"
	NUMAOff           Verb = "numa-off"
	NUMAOn            Verb = "numa-on"
	// Inspect is a first argument of its own kind: what follows is not in the grammar.
	Inspect Verb = "inspect"
	// Internal is the agent starting itself for a task of its own.
	Internal Verb = "internal"
)

// Command is a parsed command line.
type Command struct {
	Verb     Verb
	Unknown  string // the argument that made it Help, "" if none did
	ConfPath string // -configuration-path:
	Address  string // -setup-firewall=
	Root     string // -root: of a machine that does not run, for SerialConsole, NUMAOff and NUMAOn
	Verbose  bool   // -verbose
	Force    bool   // -force: deprovision does not ask
	Debug    bool   // -debug: run-exthandlers stays when its parent dies
	Full     bool   // -full: collect-logs takes the longer list
	// Rest are the arguments after Inspect; for Internal it begins with the internal verb.
	Rest []string
}

// internals are the first arguments by which the agent calls itself, matched whole; they are in no help text.
func internals() []string { return []string{"handler-command"} }

// words are tried in this order, each as a prefix of the argument behind its dashes and slashes: "-daemon", "--daemon",
// "/daemon", "daemon" and "-daemonize" are one. The longer of two words that begin alike stands first.
func words() []word {
	return []word{
		verb(DeprovisionUser), verb(Deprovision), verb(Daemon), verb(Start), verb(RegisterService), verb(RunExtHandlers),
		verb(Version), verb(ShowConfiguration), verb(SerialConsole), verb(NUMAOff), verb(NUMAOn),
		verb(CollectLogs), verb(Help),
		{"usage", func(c *Command) { c.Verb = Help }},
		{"?", func(c *Command) { c.Verb = Help }},
		{"verbose", func(c *Command) { c.Verbose = true }},
		{"force", func(c *Command) { c.Force = true }},
		{"debug", func(c *Command) { c.Debug = true }},
		{"full", func(c *Command) { c.Full = true }},
	}
}

type word struct {
	text string
	set  func(*Command)
}

func verb(v Verb) word { return word{string(v), func(c *Command) { c.Verb = v }} }

// Parse reads args, which are those after the program's name. Each is matched on its own; of several verbs the last one
// wins, flags may stand anywhere, empty arguments do not count. The first argument that nothing matches ends it: Help.
func Parse(args []string) Command {
	if c, ok := ownKind(args); ok {
		return c
	}
	c := Command{Verb: Help}
	patterns, known := patterns(), words()
	for _, arg := range args {
		if arg == "" || patterns.take(&c, arg) || takeWord(&c, known, arg) {
			continue
		}
		c.Verb, c.Unknown = Help, arg
		break
	}
	if c.Root != "" && !slices.Contains([]Verb{SerialConsole, NUMAOff, NUMAOn}, c.Verb) {
		return Command{Verb: Help, Unknown: "-root:" + c.Root} // no other command may take this machine for that one
	}
	return c
}

// ownKind is for the first arguments that take the whole line: inspect and the agent's calls of itself.
func ownKind(args []string) (Command, bool) {
	if len(args) == 0 {
		return Command{}, false
	}
	if slices.Contains(internals(), args[0]) {
		return Command{Verb: Internal, Rest: args}, true
	}
	if strings.TrimLeft(args[0], "-/") == string(Inspect) {
		return Command{Verb: Inspect, Rest: args[1:]}, true
	}
	return Command{}, false
}

func takeWord(c *Command, known []word, arg string) bool {
	bare := strings.TrimLeft(arg, "-/")
	for _, w := range known {
		if strings.HasPrefix(bare, w.text) {
			w.set(c)
			return true
		}
	}
	return false
}

// valued are the arguments that carry a value.
type valued struct{ confPath, firewall, root *regexp.Regexp }

func patterns() valued {
	return valued{
		confPath: regexp.MustCompile(`^[-/]*configuration-path:([A-Za-z0-9_/.-]+)`),
		firewall: regexp.MustCompile(`^[-/]*setup-firewall=([0-9.]{7,})`),
		root:     regexp.MustCompile(`(?s)^[-/]*root[:=](/.*)$`), // whole: half a path is another machine
	}
}

func (v valued) take(c *Command, arg string) bool {
	if m := v.confPath.FindStringSubmatch(arg); m != nil {
		c.ConfPath = m[1]
		return true
	}
	if m := v.firewall.FindStringSubmatch(arg); m != nil {
		c.Verb, c.Address = SetupFirewall, m[1]
		return true
	}
	if m := v.root.FindStringSubmatch(arg); m != nil {
		c.Root = m[1]
		return true
	}
	return false
}

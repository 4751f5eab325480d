package cmdline

import (
	"fmt"
	"strings"
)

// NotSafeToPublish is said wherever deprovisioning is offered: help, man page, and before the question.
const NotSafeToPublish = "Deprovisioning does not make an image safe to publish: it does not find and remove every secret on the disk."

// HelpText is the usage of a program called name.
func HelpText(name string) string {
	return fmt.Sprintf(`
usage: %s [-verbose] [-force] [-help] [-configuration-path:<path>] -deprovision[+user]|-register-service|-version|-daemon|-start|-run-exthandlers [-debug]|-show-configuration|-collect-logs [-full]|-setup-firewall=<ip>|-serialconsole [-root:<dir>]|-numa-off|-numa-on -root:<dir>|-inspect <file>...

  -daemon               provision this VM if need be, then supervise the extension process; the service runs this
  -start                start the daemon in the background and return
  -run-exthandlers      run the extension process; the daemon does this
  -register-service     enable, stop and start the agent's service
  -deprovision          take this machine's identity away, so that an image of it can be provisioned again
  -deprovision+user     also remove the account that provisioning made
  -show-configuration   print the effective options; with -verbose where each came from
  -serialconsole        add the serial console to the kernel's options
  -numa-off             add numa=off to the boot options of the machine below -root:<dir>, if it has a kernel up to
                        2.6.37; -numa-on takes it away. This program runs on no such kernel, so the machine must be off
  -collect-logs         pack the logs that support asks for; with -full more of them
  -setup-firewall=<ip>  let only root and DNS reach the fabric at <ip>
  -inspect <file>...    say what the agent understands from a document, as JSON; must be the first argument
  -version              print the agent's version
  -help, -usage, -?     print this text

  -configuration-path:<path>  read this file instead of the distribution's waagent.conf
  -root:<dir>                 the files of a machine that is off, for -serialconsole, -numa-off and -numa-on
  -verbose                    log more
  -force                      deprovision without asking
  -full                       -collect-logs packs more
  -debug                      -run-exthandlers stays when the daemon dies

Words may begin with any number of - and /. The last command counts. An unknown argument prints this text.
%s
Exit codes: 0 done; 1 failed: the configuration or its path cannot be read, the firewall or the logs failed, or
something that -deprovision had to remove is still there.

`, name, NotSafeToPublish)
}

// Versions are the facts of -version.
type Versions struct {
	Agent     string // the running code
	Distro    string // its id
	Release   string
	Go        string // as runtime.Version gives it
	GoalState string // the running goal-state process, else the running code
}

// Text is what -version prints. Backup software parses the third line.
func (v Versions) Text() string {
	return fmt.Sprintf("WALinuxAgent-%s running on %s %s\nGo: %s\nGoal state agent: %s\n",
		v.Agent, v.Distro, v.Release, strings.TrimPrefix(v.Go, "go"), v.GoalState)
}

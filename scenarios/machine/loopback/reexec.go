package loopback

import "github.com/waagent-go/waagent/agent"

// Reexec serves the agent's calls of itself, which in a loopback guest reach the program that the agent lives in.
func Reexec(args []string) (code int, mine bool) {
	if len(args) == 0 || args[0] != agent.HandlerCommandMode {
		return 0, false
	}
	return agent.HandlerCommandMain(args[1:]), true
}

package scenarios

import (
	"github.com/waagent-go/waagent/scenarios/internal/guesthelper"
	"github.com/waagent-go/waagent/scenarios/machine/loopback"
)

// GuestHelperMode is the first argument that makes a program the runner's hand in a QEMU guest.
const GuestHelperMode = "guest-helper"

// Reexec serves the modes in which this program is started by itself: the hand in a guest, and the parent of a handler
// command that an agent in this process runs. Programs and test binaries that run scenarios call it before anything
// else, with the arguments after their name, and end with the code when it answers true.
func Reexec(args []string) (code int, mine bool) {
	if len(args) > 0 && args[0] == GuestHelperMode {
		return guesthelper.Main(args[1:]), true
	}
	return loopback.Reexec(args)
}
